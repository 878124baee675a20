"""The forms of the sign-in pages: shapes only; what is allowed is the services' business."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.common.errors import DomainError, TooManyRequests
from apps.users.services.accounts import MAX_PASSWORD_LENGTH


class PageForm(forms.Form):
    """A form whose inputs carry the house's class, and that can show what a service refused."""

    refused_with: int = 422
    retry_after: int | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"

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
