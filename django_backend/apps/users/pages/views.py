"""Sign-in, sign-out, registration and the first person's set-up, as pages that need no script."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from apps.common.auth.client import address_of, user_agent_of
from apps.common.auth.device import device_of, remember_device
from apps.common.auth.middleware import begin_cookie_session, end_cookie_session, signed_in
from apps.common.errors import DomainError
from apps.users.models import Session, User
from apps.users.pages.forms import PageForm, RegisterForm, SecondStepForm, SetUpForm, SignInForm
from apps.users.services.accounts import register_user
from apps.users.services.sessions import (
    ChallengeOver,
    SecondStepNeeded,
    begin_session,
    finish_sign_in,
    sign_in,
    sign_out,
)
from apps.users.services.setup_links import LinkNotGood, link_is_good, use_setup_link
from apps.users.services.sign_in_limits import Place

NEXT = "next"
CHALLENGE = "challenge"


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """The form; after it, the page that was asked for."""
    target = local_target(request)
    if request.method == "GET" and signed_in(request):
        return redirect(target)
    form = SignInForm(request.POST or None)
    if form.is_valid():
        try:
            session = sign_in(**form.cleaned_data, place=place_of(request))
        except SecondStepNeeded as step:
            request.session[CHALLENGE] = step.challenge
            return redirect(f"{reverse('second-step')}?{urlencode({NEXT: target})}")
        except DomainError as problem:
            form.show(problem)
        else:
            return welcome(request, session, target)
    asked = request.POST.get(NEXT, request.GET.get(NEXT, ""))
    return shown(request, "users/sign_in.html", form, next=asked, registration=settings.REGISTRATION)


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def second_step_page(request: HttpRequest) -> HttpResponse:
    """The code of the authenticator app, after the password was right."""
    target, challenge = local_target(request), request.session.get(CHALLENGE)
    if challenge is None:
        return redirect("sign-in")
    form = SecondStepForm(request.POST or None)
    if form.is_valid():
        try:
            session = finish_sign_in(
                challenge=challenge, code=form.cleaned_data["code"], place=place_of(request)
            )
        except ChallengeOver as problem:
            del request.session[CHALLENGE]
            messages.info(request, problem.detail)
            return redirect("sign-in")
        except DomainError as problem:
            form.show(problem)
        else:
            return welcome(request, session, target)
    return shown(request, "users/second_step.html", form, next=target)


def welcome(request: HttpRequest, session: Session, target: str) -> HttpResponse:
    """A fresh cookie for the session, a browser that is known from now on, and on to where they wanted."""
    begin_cookie_session(request, session.sid)
    response = redirect(target)
    remember_device(request, response, session.user.public_id)
    return response


@require_POST
def sign_out_page(request: HttpRequest) -> HttpResponse:
    """End the session here and everywhere it is known."""
    found = signed_in(request)
    if found:
        person, live = found
        sign_out(actor=as_user(person), sid=live.sid)
    end_cookie_session(request)
    return redirect("sign-in")


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def register_page(request: HttpRequest) -> HttpResponse:
    """Only where anybody may come in."""
    if settings.REGISTRATION != "open":
        raise Http404
    form = RegisterForm(request.POST or None)
    if form.is_valid():
        try:
            user = register_user(**form.cleaned_data, address=address_of(request))
        except DomainError as problem:
            form.show(problem)
        else:
            return let_in(request, user)
    return shown(request, "users/register.html", form)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def set_up_page(request: HttpRequest, secret: str) -> HttpResponse:
    """The first person and their team, by the link that `manage.py setup_link` printed."""
    if not link_is_good(secret):
        return shown(request, "users/set_up_gone.html", None, status=LinkNotGood.status)
    form = SetUpForm(request.POST or None)
    if form.is_valid():
        try:
            user, _ = use_setup_link(secret=secret, **form.cleaned_data)
        except DomainError as problem:
            form.show(problem)
        else:
            return let_in(request, user)
    return shown(request, "users/set_up.html", form)


def let_in(request: HttpRequest, user: User) -> HttpResponse:
    """Sign somebody in who has just made their account."""
    session = begin_session(actor=user, place=place_of(request))
    return welcome(request, session, resolve_url(settings.LOGIN_REDIRECT_URL))


def shown(request: HttpRequest, template: str, form: PageForm | None, **context: Any) -> HttpResponse:
    """The page; with 422 (429 for too many tries) where the form says what is wrong, so that a program can tell too."""
    refused = form.refused_with if form is not None and form.is_bound else 200
    response = render(
        request, template, {"form": form, **context}, status=context.pop("status", None) or refused
    )
    if form is not None and form.retry_after is not None:
        response["Retry-After"] = str(form.retry_after)
    return response


def local_target(request: HttpRequest) -> str:
    """Where to go after signing in: `next` if it is a path of ours, never another site."""
    wanted = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def place_of(request: HttpRequest) -> Place:
    return Place(address=address_of(request), device=device_of(request), user_agent=user_agent_of(request))


def as_user(person: object) -> User:
    if not isinstance(person, User):
        raise TypeError("the session's person is no User")
    return person
