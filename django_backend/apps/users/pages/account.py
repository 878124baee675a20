"""One's own settings as pages: profile, security, tokens. Each form posts without script and leads back here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any
from uuid import UUID

import segno
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from apps.common.auth.middleware import end_cookie_session, signed_in
from apps.common.errors import DomainError
from apps.users.models import User
from apps.users.pages.forms import (
    ConfirmFactorForm,
    EmailForm,
    PageForm,
    PasswordForm,
    ProfileForm,
    ProofForm,
    TokenForm,
)
from apps.users.pages.views import as_user
from apps.users.selectors import live_sessions_of, live_tokens_of
from apps.users.services.api_tokens import Wish, create_token, revoke_token
from apps.users.services.emails import request_email_change, send_verification
from apps.users.services.leaving import deactivate_user
from apps.users.services.passwords import change_password
from apps.users.services.profile import edit_profile
from apps.users.services.second_factor import (
    begin_second_factor,
    confirm_second_factor,
    has_second_factor,
    pending_enrolment,
    recovery_codes_left,
    renew_recovery_codes,
    switch_off_second_factor,
)
from apps.users.services.sessions import revoke_session, sign_out_everywhere
from apps.users.services.step_up import Proof, require_proof

Page = Callable[..., HttpResponse]


def account_page(*methods: str) -> Callable[[Page], Page]:
    """For people who are signed in: others are led to the sign-in page and back. Never kept by a cache."""

    def decorate(view: Page) -> Page:
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if signed_in(request) is None:
                return redirect_to_login(request.get_full_path(), login_url="sign-in")
            return view(request, *args, **kwargs)

        guarded: Page = never_cache(require_http_methods(list(methods))(page))
        return guarded

    return decorate


def person_of(request: HttpRequest) -> User:
    found = signed_in(request)
    return as_user(found[0] if found else None)


def sid_of(request: HttpRequest) -> UUID:
    found = signed_in(request)
    assert found is not None  # account_page let nobody else in
    return found[1].sid


# Profile


@account_page("GET", "POST")
def profile_page(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    form = ProfileForm(
        request.POST or None,
        initial={name: getattr(person, name) for name in ("display_name", "time_zone", "language")},
    )
    if form.is_valid() and done(form, lambda: edit_profile(actor=person, changes=form.cleaned_data)):
        messages.success(request, "Saved.")
        return redirect("settings")
    return show_profile(request, person, profile=form)


@sensitive_post_parameters("current_password", "code")
@account_page("POST")
def email_page(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    form = email_form(person, request)
    if form.is_valid() and done(
        form,
        lambda: request_email_change(actor=person, email=form.cleaned_data["email"], proof=form.proof),
    ):
        messages.success(
            request, "Use the link that was mailed to the new address. Until then nothing changes."
        )
        return redirect("settings")
    return show_profile(request, person, email=form)


@account_page("POST")
def verification_page(request: HttpRequest) -> HttpResponse:
    try:
        send_verification(actor=person_of(request))
        messages.success(request, "Use the link that was mailed to your address.")
    except DomainError as problem:
        messages.error(request, problem.detail)
    return redirect("settings")


@sensitive_post_parameters("current_password", "code")
@account_page("POST")
def leave_page(request: HttpRequest) -> HttpResponse:
    """All access of one's own ends; what one did keeps its name."""
    person = person_of(request)
    form = ProofForm(request.POST, auto_id="leave_%s", with_code=has_second_factor(person))

    def leave() -> None:
        require_proof(person, form.proof)
        deactivate_user(actor=person, user_id=person.pk)

    if form.is_valid() and done(form, leave):
        end_cookie_session(request)
        return redirect("sign-in")
    return show_profile(request, person, leave=form)


def show_profile(request: HttpRequest, person: User, **forms: PageForm) -> HttpResponse:
    has_code = has_second_factor(person)
    context = {
        "profile": ProfileForm(
            initial={name: getattr(person, name) for name in ("display_name", "time_zone", "language")}
        ),
        "email": email_form(person),
        "leave": ProofForm(auto_id="leave_%s", with_code=has_code),
        "place": "profile",
    }
    return shown(request, "users/settings/profile.html", context, forms)


def email_form(person: User, request: HttpRequest | None = None) -> EmailForm:
    return EmailForm(
        request.POST if request else None, auto_id="email_%s", with_code=has_second_factor(person)
    )


# Security


@account_page("GET")
def security_page(request: HttpRequest) -> HttpResponse:
    return show_security(request)


@sensitive_post_parameters("current_password", "password", "code")
@account_page("POST")
def password_page(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    form = PasswordForm(request.POST, auto_id="password_%s", with_code=has_second_factor(person))

    def change() -> None:
        change_password(
            actor=person, proof=form.proof, password=form.cleaned_data["password"], keep=sid_of(request)
        )

    if form.is_valid() and done(form, change):
        messages.success(request, "Your password is changed. You are signed out everywhere else.")
        return redirect("security")
    return show_security(request, password=form)


@sensitive_post_parameters("current_password", "code")
@account_page("GET", "POST")
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """The secret as a QR code and as text, and the form that switches the second step on."""
    person = person_of(request)
    enrolment = pending_enrolment(person)
    if enrolment is None:
        return redirect("security")
    form = ConfirmFactorForm(request.POST or None)
    codes: list[str] = []

    def confirm() -> None:
        require_proof(person, Proof(form.cleaned_data["current_password"]))
        codes.extend(confirm_second_factor(actor=person, code=form.cleaned_data["code"]))

    if form.is_valid() and done(form, confirm):
        return show_recovery_codes(request, codes)
    context = {"enrolment": enrolment, "qr": qr_code(enrolment.address), "place": "security"}
    return shown(request, "users/settings/second_factor.html", context, {"form": form})


@account_page("POST")
def begin_factor_page(request: HttpRequest) -> HttpResponse:
    try:
        begin_second_factor(actor=person_of(request))
    except DomainError as problem:
        messages.error(request, problem.detail)
        return redirect("security")
    return redirect("second-factor")


@sensitive_post_parameters("current_password", "code")
@account_page("POST")
def factor_off_page(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    form = ProofForm(request.POST, auto_id="off_%s", with_code=True)

    def switch_off() -> None:
        require_proof(person, form.proof)
        switch_off_second_factor(actor=person)

    if form.is_valid() and done(form, switch_off):
        messages.success(request, "The second step is off.")
        return redirect("security")
    return show_security(request, factor=form)


@sensitive_post_parameters("current_password", "code")
@account_page("POST")
def recovery_codes_page(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    form = ProofForm(request.POST, auto_id="off_%s", with_code=True)
    codes: list[str] = []

    def renew() -> None:
        require_proof(person, form.proof)
        codes.extend(renew_recovery_codes(actor=person))

    if form.is_valid() and done(form, renew):
        return show_recovery_codes(request, codes)
    return show_security(request, factor=form)


@account_page("POST")
def end_session_page(request: HttpRequest, sid: UUID) -> HttpResponse:
    try:
        revoke_session(actor=person_of(request), sid=sid)
        messages.success(request, "Signed out there.")
    except DomainError as problem:
        messages.error(request, problem.detail)
    return redirect("security")


@account_page("POST")
def end_other_sessions_page(request: HttpRequest) -> HttpResponse:
    ended = sign_out_everywhere(actor=person_of(request), keep=sid_of(request))
    messages.success(request, f"Signed out in {ended} other place{'' if ended == 1 else 's'}.")
    return redirect("security")


def show_security(request: HttpRequest, **forms: PageForm) -> HttpResponse:
    person = person_of(request)
    is_on = has_second_factor(person)
    context = {
        "password": PasswordForm(auto_id="password_%s", with_code=is_on),
        "factor": ProofForm(auto_id="off_%s", with_code=True),
        "factor_is_on": is_on,
        "codes_left": recovery_codes_left(person),
        "sessions": list(live_sessions_of(person)[:100]),
        "current_sid": sid_of(request),
        "place": "security",
    }
    return shown(request, "users/settings/security.html", context, forms)


def show_recovery_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return render(request, "users/settings/recovery_codes.html", {"codes": codes, "place": "security"})


def qr_code(text: str) -> SafeString:
    """An SVG that fits its place; drawn from numbers alone, nothing of `text` is in it as text."""
    drawn = BytesIO()
    segno.make(text, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=False, scale=4, border=3, light="#fff", omitsize=False
    )
    return mark_safe(drawn.getvalue().decode())  # noqa: S308


# Tokens


@account_page("GET", "POST")
def tokens_page(request: HttpRequest) -> HttpResponse:
    """The list; after making one, the page itself shows it, once."""
    person = person_of(request)
    form = TokenForm(request.POST or None)
    made: list[Any] = []

    def create() -> None:
        given = form.cleaned_data
        wish = Wish(given["name"], given["scope"], given["days"], given["project"])
        made.append(create_token(actor=person, wish=wish))

    if form.is_valid() and done(form, create):
        return show_tokens(request, made=made[0])
    return show_tokens(request, form=form)


@account_page("POST")
def revoke_token_page(request: HttpRequest, sid: UUID) -> HttpResponse:
    try:
        revoke_token(actor=person_of(request), sid=sid)
        messages.success(request, "Revoked. It is refused everywhere from now on.")
    except DomainError as problem:
        messages.error(request, problem.detail)
    return redirect("tokens")


def show_tokens(request: HttpRequest, made: Any = None, **forms: PageForm) -> HttpResponse:
    context = {
        "tokens": list(live_tokens_of(person_of(request))),
        "made": made,
        "form": TokenForm(),
        "place": "tokens",
    }
    return shown(request, "users/settings/tokens.html", context, forms)


def done(form: PageForm, act: Callable[[], object]) -> bool:
    """Whether the service did it; what it refused is put into the form."""
    try:
        act()
    except DomainError as problem:
        form.show(problem)
        return False
    return True


def shown(
    request: HttpRequest, template: str, context: dict[str, Any], forms: dict[str, Any]
) -> HttpResponse:
    """The page with its forms; one that was refused decides the status."""
    refused = [form for form in forms.values() if form.is_bound]
    response = render(
        request, template, {**context, **forms}, status=refused[0].refused_with if refused else 200
    )
    if refused and refused[0].retry_after is not None:
        response["Retry-After"] = str(refused[0].retry_after)
    return response
