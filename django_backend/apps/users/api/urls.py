"""Included under /api/."""

from django.urls import path

from apps.users.api import account, auth, people, security, tokens

urlpatterns = [
    path("auth/register/", auth.RegisterView.as_view(), name="auth-register"),
    path("auth/login/", auth.LoginView.as_view(), name="auth-login"),
    path("auth/login/second-step/", auth.SecondStepView.as_view(), name="auth-second-step"),
    path("auth/sessions/", security.SessionsView.as_view(), name="auth-sessions"),
    path("auth/sessions/<uuid:sid>/", security.SessionView.as_view(), name="auth-session"),
    path("auth/logout-everywhere/", security.LogoutEverywhereView.as_view(), name="auth-logout-everywhere"),
    path("auth/tokens/", tokens.TokensView.as_view(), name="auth-tokens"),
    path("auth/tokens/<uuid:sid>/", tokens.TokenView.as_view(), name="auth-token"),
    path("auth/token-exchange/", tokens.TokenExchangeView.as_view(), name="auth-token-exchange"),
    path("auth/refresh/", auth.RefreshView.as_view(), name="auth-refresh"),
    path("auth/logout/", auth.LogoutView.as_view(), name="auth-logout"),
    path("auth/public-key/", auth.PublicKeyView.as_view(), name="auth-public-key"),
    path("auth/ws-ticket/", auth.SocketTicketView.as_view(), name="auth-ws-ticket"),
    path("auth/password-reset/", account.ResetRequestView.as_view(), name="auth-reset-request"),
    path("auth/password-reset/confirm/", account.ResetView.as_view(), name="auth-reset"),
    path("auth/verify-email/", account.VerifyEmailView.as_view(), name="auth-verify-email"),
    path("auth/confirm-email/", account.ConfirmEmailView.as_view(), name="auth-confirm-email"),
    path("users/", people.PeopleView.as_view(), name="api-user-list"),
    path("users/me/", people.MeView.as_view(), name="api-me"),
    path("users/me/password/", account.PasswordView.as_view(), name="api-me-password"),
    path("users/me/email/", account.EmailView.as_view(), name="api-me-email"),
    path("users/me/deactivate/", account.DeactivateView.as_view(), name="api-me-deactivate"),
    path("users/me/verification/", account.VerificationView.as_view(), name="api-me-verification"),
    path("users/me/second-factor/", security.SecondFactorView.as_view(), name="api-second-factor"),
    path("users/me/second-factor/confirm/", security.ConfirmFactorView.as_view(), name="api-factor-confirm"),
    path("users/me/second-factor/disable/", security.DisableFactorView.as_view(), name="api-factor-disable"),
    path(
        "users/me/second-factor/recovery-codes/",
        security.RecoveryCodesView.as_view(),
        name="api-recovery-codes",
    ),
    path("users/<int:user_id>/", people.PersonView.as_view(), name="api-user"),
    path("teams/", people.TeamsView.as_view(), name="api-team-list"),
    path("teams/<int:team_id>/members/", people.MembersView.as_view(), name="api-team-members"),
    path("teams/<int:team_id>/members/<int:user_id>/", people.MemberView.as_view(), name="api-team-member"),
    path("teams/<int:team_id>/invitations/", people.InvitationsView.as_view(), name="api-invitations"),
    path(
        "teams/<int:team_id>/invitations/<uuid:invitation_id>/",
        people.InvitationView.as_view(),
        name="api-invitation",
    ),
    path(
        "teams/<int:team_id>/service-tokens/", tokens.ServiceTokensView.as_view(), name="api-service-tokens"
    ),
    path(
        "teams/<int:team_id>/service-tokens/<uuid:sid>/",
        tokens.ServiceTokenView.as_view(),
        name="api-service-token",
    ),
    path("invitations/accept/", people.AcceptInvitationView.as_view(), name="api-invitation-accept"),
]
