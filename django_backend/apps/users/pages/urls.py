"""Included at the root."""

from django.urls import path

from apps.users.pages import views

urlpatterns = [
    path("sign-in/", views.sign_in_page, name="sign-in"),
    path("sign-out/", views.sign_out_page, name="sign-out"),
    path("register/", views.register_page, name="register"),
    path("set-up/<str:secret>/", views.set_up_page, name="set-up"),
]
