"""The pages behind links that are mailed. Opening one changes nothing (mail programs open links by themselves): the
button on it does.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from apps.common.auth.client import address_of
from apps.common.auth.middleware import signed_in
from apps.common.errors import DomainError
from apps.users.models import AccountLink
from apps.users.pages.forms import InvitedForm, ResetForm, ResetRequestForm
from apps.users.pages.views import as_user, let_in, shown
from apps.users.services.emails import change_email, verify_email
from apps.users.services.invitations import accept_invitation, find_invitation, register_invited
from apps.users.services.links import LinkNotGood, Purpose, find_link
from apps.users.services.passwords import request_password_reset, reset_password


@never_cache
@require_http_methods(["GET", "POST"])
def forgot_password_page(request: HttpRequest) -> HttpResponse:
    """Asks for an address; what it says afterwards is the same whoever has it."""
    form = ResetRequestForm(request.POST or None)
    if form.is_valid():
        try:
            request_password_reset(**form.cleaned_data, address=address_of(request))
        except DomainError as problem:
            form.show(problem)
        else:
            return shown(request, "users/link_mailed.html", None, email=form.cleaned_data["email"])
    return shown(request, "users/forgot_password.html", form)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def reset_password_page(request: HttpRequest, secret: str) -> HttpResponse:
    """A new password; signing in with it is a step of its own, and asks for the second factor as ever."""
    form = ResetForm(request.POST or None)
    try:
        find_link(Purpose.RESET, secret)
        if form.is_valid():
            reset_password(secret=secret, **form.cleaned_data)
            messages.success(request, "Your password is set. Sign in with it.")
            return redirect("sign-in")
    except LinkNotGood:
        return not_good(request)
    except DomainError as problem:
        form.show(problem)
    return shown(request, "users/reset_password.html", form)


@never_cache
@require_http_methods(["GET", "POST"])
def verify_email_page(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        link = find_link(Purpose.VERIFY, secret)
        if request.method == "POST":
            verify_email(secret=secret)
            messages.success(request, "Your address is verified.")
            return redirect(settings.LOGIN_REDIRECT_URL)
    except LinkNotGood:
        return not_good(request)
    return confirm(request, link)


@never_cache
@require_http_methods(["GET", "POST"])
def confirm_email_page(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        link = find_link(Purpose.CHANGE_EMAIL, secret)
        if request.method == "POST":
            change_email(secret=secret)
            messages.success(request, "This is your address now.")
            return redirect(settings.LOGIN_REDIRECT_URL)
    except LinkNotGood:
        return not_good(request)
    except DomainError as problem:
        return confirm(request, link, problem)
    return confirm(request, link)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation_page(request: HttpRequest, secret: str) -> HttpResponse:
    """Whoever is signed in joins by a button; whoever is not makes an account, or signs in first."""
    try:
        link = find_invitation(secret)
        return _join(request, secret, link) if signed_in(request) else _register(request, secret, link)
    except LinkNotGood:
        return not_good(request)


def _join(request: HttpRequest, secret: str, link: AccountLink) -> HttpResponse:
    if request.method == "POST":
        try:
            accept_invitation(actor=as_user(request.user), secret=secret)
        except LinkNotGood:
            raise
        except DomainError as problem:
            return shown(
                request, "users/invitation.html", None, link=link, problem=problem, status=problem.status
            )
        messages.success(request, f"You are in {link.team} now.")
        return redirect(settings.LOGIN_REDIRECT_URL)
    return shown(request, "users/invitation.html", None, link=link)


def _register(request: HttpRequest, secret: str, link: AccountLink) -> HttpResponse:
    if settings.REGISTRATION == "closed":
        return shown(request, "users/invitation.html", None, link=link, must_sign_in=True)
    form = InvitedForm(request.POST or None, fixed_email=link.email)
    if form.is_valid():
        try:
            user, _ = register_invited(secret=secret, address=address_of(request), **form.cleaned_data)
        except LinkNotGood:
            raise
        except DomainError as problem:
            form.show(problem)
        else:
            return let_in(request, user)
    return shown(request, "users/invitation.html", form, link=link)


def confirm(request: HttpRequest, link: AccountLink, problem: DomainError | None = None) -> HttpResponse:
    context = {"link": link, "problem": problem}
    return render(request, "users/confirm_email.html", context, status=problem.status if problem else 200)


def not_good(request: HttpRequest) -> HttpResponse:
    return render(request, "users/link_not_good.html", status=LinkNotGood.status)
