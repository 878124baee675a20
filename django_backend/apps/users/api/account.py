"""One's own account over REST: password and address. No token of any scope changes them, only a sign-in."""

from __future__ import annotations

from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.auth.client import address_of
from apps.common.errors import Forbidden
from apps.users.api.auth import TOO_MANY, PublicView, checked, live_session, signed_in_user
from apps.users.api.serializers import (
    AcceptedOut,
    EmailIn,
    LinkIn,
    PasswordIn,
    ProofIn,
    ResetIn,
    ResetRequestIn,
)
from apps.users.models import Session
from apps.users.services.emails import change_email, request_email_change, send_verification, verify_email
from apps.users.services.leaving import deactivate_user
from apps.users.services.passwords import change_password, request_password_reset, reset_password
from apps.users.services.step_up import Proof, require_proof

NOT_GOOD = OpenApiResponse(description="Code: link_not_good")
MAILED = "If this address is somebody's here, a mail with a link is on its way to it."
PRIVATE = [never_cache, sensitive_post_parameters()]


def require_sign_in(request: Request) -> None:
    """Raise Forbidden for an API token: one that leaks must not take the account with it."""
    if live_session(request).kind == Session.Kind.TOKEN:
        raise Forbidden("An API token can't do this. Sign in with your password.", code="sign_in_needed")


class ResetRequestView(PublicView):
    @extend_schema(
        request=ResetRequestIn, responses={202: AcceptedOut, 429: TOO_MANY}, operation_id="auth_reset_request"
    )
    def post(self, request: Request) -> Response:
        """Have a link for a new password mailed. The answer is the same for an address that is nobody's."""
        request_password_reset(**checked(ResetRequestIn, request), address=address_of(request))
        return Response({"detail": MAILED}, status=status.HTTP_202_ACCEPTED)


class ResetView(PublicView):
    @extend_schema(request=ResetIn, responses={204: None, 404: NOT_GOOD}, operation_id="auth_reset")
    def post(self, request: Request) -> Response:
        """Set a new password by a mailed link; everybody signed in as this person is signed out."""
        values = checked(ResetIn, request)
        reset_password(secret=values["token"], password=values["password"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class VerifyEmailView(PublicView):
    @extend_schema(request=LinkIn, responses={204: None, 404: NOT_GOOD}, operation_id="auth_verify_email")
    def post(self, request: Request) -> Response:
        """Prove an address by the link that was mailed to it."""
        verify_email(secret=checked(LinkIn, request)["token"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConfirmEmailView(PublicView):
    @extend_schema(request=LinkIn, responses={204: None, 404: NOT_GOOD}, operation_id="auth_confirm_email")
    def post(self, request: Request) -> Response:
        """Change one's address to the one that the link was mailed to."""
        change_email(secret=checked(LinkIn, request)["token"])
        return Response(status=status.HTTP_204_NO_CONTENT)


@method_decorator(PRIVATE, name="dispatch")
class PasswordView(APIView):
    scope_needed = "admin"

    @extend_schema(request=PasswordIn, responses={204: None, 429: TOO_MANY}, operation_id="users_me_password")
    def post(self, request: Request) -> Response:
        """Change one's password. Every other sign-in ends; API tokens stay."""
        require_sign_in(request)
        values = checked(PasswordIn, request)
        change_password(
            actor=signed_in_user(request),
            proof=proof_of(values),
            password=values["password"],
            keep=live_session(request).sid,
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


@method_decorator(PRIVATE, name="dispatch")
class EmailView(APIView):
    scope_needed = "admin"

    @extend_schema(
        request=EmailIn, responses={202: AcceptedOut, 429: TOO_MANY}, operation_id="users_me_email"
    )
    def post(self, request: Request) -> Response:
        """Ask for another address: it becomes one's own once the link mailed to it was used."""
        require_sign_in(request)
        values = checked(EmailIn, request)
        request_email_change(actor=signed_in_user(request), email=values["email"], proof=proof_of(values))
        return Response({"detail": "Use the link mailed to that address."}, status=status.HTTP_202_ACCEPTED)


@method_decorator(PRIVATE, name="dispatch")
class DeactivateView(APIView):
    scope_needed = "admin"

    @extend_schema(request=ProofIn, responses={204: None, 429: TOO_MANY}, operation_id="users_me_deactivate")
    def post(self, request: Request) -> Response:
        """Leave: every sign-in and token of one's own ends. Only an operator lets one in again."""
        require_sign_in(request)
        user = signed_in_user(request)
        require_proof(user, proof_of(checked(ProofIn, request)))
        deactivate_user(actor=user, user_id=user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class VerificationView(APIView):
    scope_needed = "admin"

    @extend_schema(
        request=None, responses={202: AcceptedOut, 429: TOO_MANY}, operation_id="users_me_verification"
    )
    def post(self, request: Request) -> Response:
        """Have the link that proves one's address mailed once more."""
        send_verification(actor=signed_in_user(request))
        return Response({"detail": "Use the link mailed to your address."}, status=status.HTTP_202_ACCEPTED)


def proof_of(values: dict[str, Any]) -> Proof:
    return Proof(password=values["current_password"], code=values.get("code", ""))
