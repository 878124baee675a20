"""Included under /api/."""

from django.urls import path

from apps.users.api import auth, people

urlpatterns = [
    path("auth/register/", auth.RegisterView.as_view(), name="auth-register"),
    path("auth/login/", auth.LoginView.as_view(), name="auth-login"),
    path("auth/refresh/", auth.RefreshView.as_view(), name="auth-refresh"),
    path("auth/logout/", auth.LogoutView.as_view(), name="auth-logout"),
    path("auth/public-key/", auth.PublicKeyView.as_view(), name="auth-public-key"),
    path("auth/ws-ticket/", auth.SocketTicketView.as_view(), name="auth-ws-ticket"),
    path("users/", people.PeopleView.as_view(), name="api-user-list"),
    path("users/me/", people.MeView.as_view(), name="api-me"),
    path("teams/", people.TeamsView.as_view(), name="api-team-list"),
    path("teams/<int:team_id>/members/", people.MembersView.as_view(), name="api-team-members"),
]
