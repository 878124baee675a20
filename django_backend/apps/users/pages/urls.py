"""Included at the root."""

from django.urls import path

from apps.users.pages import links, views

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
    path("invitations/<str:secret>/", links.invitation_page, name="invitation"),
]
