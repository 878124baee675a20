"""One's sign-ins and one's second step over REST. API tokens may not touch them: see account.require_sign_in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.api.account import PRIVATE, proof_of, require_sign_in
from apps.users.api.auth import TOO_MANY, checked, live_session, signed_in_user
from apps.users.api.serializers import (
    ConfirmFactorIn,
    EnrolmentOut,
    EverywhereIn,
    ProofIn,
    RecoveryCodesOut,
    SecondFactorOut,
    SessionOut,
    SessionsOut,
)
from apps.users.selectors import live_sessions_of
from apps.users.services.second_factor import (
    begin_second_factor,
    confirm_second_factor,
    has_second_factor,
    recovery_codes_left,
    renew_recovery_codes,
    switch_off_second_factor,
)
from apps.users.services.sessions import revoke_session, sign_out_everywhere
from apps.users.services.step_up import Proof, require_proof


@method_decorator(PRIVATE, name="dispatch")
class SecurityView(APIView):
    scope_needed = "admin"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_sign_in(request)


class SessionsView(SecurityView):
    @extend_schema(responses=SessionsOut, operation_id="auth_sessions")
    def get(self, request: Request) -> Response:
        """Where one is signed in, latest used first."""
        found = live_sessions_of(signed_in_user(request))[:100]
        context = {"sid": live_session(request).sid}
        return Response({"results": SessionOut(found, many=True, context=context).data})


class SessionView(SecurityView):
    @extend_schema(responses={204: None}, operation_id="auth_sessions_revoke")
    def delete(self, request: Request, sid: UUID) -> Response:
        """Sign out there."""
        revoke_session(actor=signed_in_user(request), sid=sid)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LogoutEverywhereView(SecurityView):
    @extend_schema(request=EverywhereIn, responses={204: None}, operation_id="auth_logout_everywhere")
    def post(self, request: Request) -> Response:
        """End every sign-in of one's own, or every other one."""
        keep = live_session(request).sid if checked(EverywhereIn, request)["keep_current"] else None
        sign_out_everywhere(actor=signed_in_user(request), keep=keep)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SecondFactorView(SecurityView):
    @extend_schema(responses=SecondFactorOut, operation_id="second_factor_read")
    def get(self, request: Request) -> Response:
        """Whether the second step is on."""
        user = signed_in_user(request)
        body = {"is_on": has_second_factor(user), "recovery_codes_left": recovery_codes_left(user)}
        return Response(body)

    @extend_schema(request=None, responses={201: EnrolmentOut}, operation_id="second_factor_begin")
    def post(self, request: Request) -> Response:
        """A secret for one's authenticator app. The second step is off until it is confirmed."""
        enrolment = begin_second_factor(actor=signed_in_user(request))
        return Response(EnrolmentOut(enrolment).data, status=status.HTTP_201_CREATED)


class ConfirmFactorView(SecurityView):
    @extend_schema(
        request=ConfirmFactorIn,
        responses={200: RecoveryCodesOut, 429: TOO_MANY},
        operation_id="second_factor_confirm",
    )
    def post(self, request: Request) -> Response:
        """Switch the second step on, by a code of the app."""
        user, values = signed_in_user(request), checked(ConfirmFactorIn, request)
        require_proof(user, Proof(password=values["current_password"]))
        return Response({"recovery_codes": confirm_second_factor(actor=user, code=values["code"])})


class DisableFactorView(SecurityView):
    @extend_schema(
        request=ProofIn, responses={204: None, 429: TOO_MANY}, operation_id="second_factor_switch_off"
    )
    def post(self, request: Request) -> Response:
        """Switch the second step off: takes the password and a code."""
        user = signed_in_user(request)
        require_proof(user, proof_of(checked(ProofIn, request)))
        switch_off_second_factor(actor=user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RecoveryCodesView(SecurityView):
    @extend_schema(
        request=ProofIn,
        responses={200: RecoveryCodesOut, 429: TOO_MANY},
        operation_id="second_factor_recovery_codes",
    )
    def post(self, request: Request) -> Response:
        """New recovery codes in place of the former: takes the password and a code."""
        user = signed_in_user(request)
        require_proof(user, proof_of(checked(ProofIn, request)))
        return Response({"recovery_codes": renew_recovery_codes(actor=user)})
