"""Included at the root."""

from django.urls import path

from apps.users.pages import account, links, teams, views

urlpatterns = [
    path("sign-in/", views.sign_in_page, name="sign-in"),
    path("sign-in/second-step/", views.second_step_page, name="second-step"),
    path("sign-out/", views.sign_out_page, name="sign-out"),
    path("register/", views.register_page, name="register"),
    path("set-up/<str:secret>/", views.set_up_page, name="set-up"),
    path("forgot-password/", links.forgot_password_page, name="forgot-password"),
    path("reset-password/<str:secret>/", links.reset_password_page, name="reset-password"),
    path("verify-email/<str:secret>/", links.verify_email_page, name="verify-email"),
    path("confirm-email/<str:secret>/", links.confirm_email_page, name="confirm-email"),
    path("settings/", account.profile_page, name="settings"),
    path("settings/email/", account.email_page, name="settings-email"),
    path("settings/verification/", account.verification_page, name="settings-verification"),
    path("settings/leave/", account.leave_page, name="settings-leave"),
    path("settings/security/", account.security_page, name="security"),
    path("settings/security/password/", account.password_page, name="security-password"),
    path("settings/security/second-step/", account.second_factor_page, name="second-factor"),
    path("settings/security/second-step/begin/", account.begin_factor_page, name="second-factor-begin"),
    path("settings/security/second-step/off/", account.factor_off_page, name="second-factor-off"),
    path("settings/security/second-step/codes/", account.recovery_codes_page, name="recovery-codes"),
    path("settings/security/sessions/end-others/", account.end_other_sessions_page, name="end-others"),
    path("settings/security/sessions/<uuid:sid>/end/", account.end_session_page, name="end-session"),
    path("settings/tokens/", account.tokens_page, name="tokens"),
    path("settings/tokens/<uuid:sid>/revoke/", account.revoke_token_page, name="revoke-token"),
    path("teams/", teams.teams_page, name="teams"),
    path("teams/<int:team_id>/", teams.team_page, name="team"),
    path(
        "teams/<int:team_id>/invitations/<uuid:invitation_id>/revoke/",
        teams.revoke_invitation_page,
        name="revoke-invitation",
    ),
    path("teams/<int:team_id>/members/<int:user_id>/role/", teams.change_role_page, name="member-role"),
    path("teams/<int:team_id>/members/<int:user_id>/remove/", teams.remove_member_page, name="member-remove"),
    path("invitations/<str:secret>/", links.invitation_page, name="invitation"),
]
