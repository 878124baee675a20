"""The forms of the sign-in pages: shapes only; what is allowed is the services' business."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings

from apps.common.errors import DomainError, TooManyRequests
from apps.users.models import Role
from apps.users.services.accounts import MAX_PASSWORD_LENGTH
from apps.users.services.step_up import Proof


class PageForm(forms.Form):
    """A form whose inputs carry the house's class, and that can show what a service refused."""

    refused_with: int = 422
    retry_after: int | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.widget.attrs["class"] = "select" if isinstance(field.widget, forms.Select) else "input"

    def show(self, problem: DomainError) -> None:
        """Put a service's refusal beside the fields it names, or on top."""
        for name, messages in problem.fields.items():
            for message in messages:
                self.add_error(name if name in self.fields else None, message)
        if not problem.fields:
            self.add_error(None, problem.detail.removesuffix("."))
        if isinstance(problem, TooManyRequests):
            self.refused_with, self.retry_after = problem.status, problem.retry_after


class SignInForm(PageForm):
    login = forms.CharField(
        label="E-mail or user name",
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label="Password",
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class SecondStepForm(PageForm):
    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="Six digits from your authenticator app, or one of your recovery codes.",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class RegisterForm(PageForm):
    display_name = forms.CharField(
        label="Your name", max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    username = forms.CharField(
        label="User name",
        max_length=39,
        help_text="Others mention you by it: letters, digits, dots, dashes and underscores.",
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label="Password",
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        help_text="At least ten characters. A few words in a row do well.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


def new_password_field(label: str = "New password") -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        help_text="At least ten characters. A few words in a row do well.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ResetRequestForm(PageForm):
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class ResetForm(PageForm):
    password = new_password_field()


class ProofForm(PageForm):
    """`code` is asked only of whoever has a second step."""

    current_password = forms.CharField(
        label="Your password",
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="Code of your authenticator app",
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def __init__(self, *args: Any, with_code: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if not with_code:
            del self.fields["code"]

    @property
    def proof(self) -> Proof:
        return Proof(self.cleaned_data["current_password"], self.cleaned_data.get("code", ""))


class PasswordForm(ProofForm):
    password = new_password_field()


class EmailForm(ProofForm):
    email = forms.EmailField(
        label="New address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class ConfirmFactorForm(PageForm):
    code = forms.CharField(
        label="Code that the app shows",
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    current_password = forms.CharField(
        label="Your password",
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ProfileForm(PageForm):
    display_name = forms.CharField(
        label="Name", max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    time_zone = forms.ChoiceField(
        label="Time zone", choices=[(name, name) for name in sorted(zoneinfo.available_timezones())]
    )
    language = forms.ChoiceField(label="Language", choices=settings.LANGUAGES)


class TokenForm(PageForm):
    name = forms.CharField(
        label="What it is for", max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    scope = forms.ChoiceField(
        label="It may",
        choices=[("read", "Read"), ("write", "Read and change tasks"), ("admin", "Do all that you may")],
    )
    project = forms.IntegerField(
        label="Only in the project (its number)", required=False, min_value=1, max_value=2**63 - 1
    )
    days = forms.TypedChoiceField(
        label="It ends after",
        coerce=int,
        initial=90,
        choices=[(30, "30 days"), (90, "90 days"), (180, "180 days"), (366, "a year")],
    )


class InviteForm(PageForm):
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.MEMBER)
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        required=False,
        help_text="The link is mailed there. Leave it empty to get a link to hand over.",
    )


class RoleForm(PageForm):
    role = forms.ChoiceField(label="Role", choices=Role.choices)


class InvitedForm(RegisterForm):
    """`email` is asked only where no mailed invitation has fixed it."""

    def __init__(self, *args: Any, fixed_email: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        if fixed_email:
            del self.fields["email"]


class SetUpForm(RegisterForm):
    team_name = forms.CharField(
        label="Your team’s name",
        max_length=100,
        help_text="You can make more teams later.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
