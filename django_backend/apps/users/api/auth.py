"""Registration and sign-in of API clients. These routes store no answers and take no idempotency key."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import serialization
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.auth.authentication import BearerAuthentication
from apps.common.auth.client import address_of, user_agent_of
from apps.common.auth.device import device_of
from apps.common.auth.keys import load_keys
from apps.common.auth.live import LiveSession
from apps.common.errors import Forbidden, NotSignedIn
from apps.users.api.serializers import (
    LoginIn,
    LogoutIn,
    MeOut,
    PublicKeyOut,
    RefreshIn,
    RegisterIn,
    SecondStepIn,
    TicketOut,
    TokenPairOut,
)
from apps.users.models import Session, User
from apps.users.services.accounts import register_user
from apps.users.services.invitations import register_invited
from apps.users.services.sessions import (
    TokenPair,
    finish_sign_in_client,
    refresh_tokens,
    sign_in_client,
    sign_out,
    sign_out_client,
)
from apps.users.services.setup_links import use_setup_link
from apps.users.services.sign_in_limits import Place
from apps.users.services.tickets import GOOD_FOR, issue_socket_ticket

TOO_MANY = OpenApiResponse(description="Code: too_many_requests; Retry-After says when")


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class PublicView(APIView):
    """Open to everyone: a stale token or cookie sent along is not looked at."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]


class RegisterView(PublicView):
    @extend_schema(
        request=RegisterIn,
        responses={
            201: MeOut,
            403: OpenApiResponse(description="Codes: registration_closed, invitation_needed"),
            404: OpenApiResponse(description="Codes: setup_link_not_good, link_not_good"),
            429: TOO_MANY,
        },
        operation_id="auth_register",
    )
    def post(self, request: Request) -> Response:
        """Make an account, where this server's setting lets people in, by an invitation to a team, or with the first
        person's set-up token."""
        values = dict(checked(RegisterIn, request))
        team_name, setup_secret = values.pop("team_name", ""), values.pop("setup_token", None)
        invitation = values.pop("invitation", None)
        if setup_secret is not None:
            user, _ = use_setup_link(secret=setup_secret, team_name=team_name, **values)
        elif invitation is not None:
            user, _ = register_invited(secret=invitation, address=address_of(request), **values)
        else:
            user = register_user(address=address_of(request), **values)
        return Response(MeOut(user).data, status=status.HTTP_201_CREATED)


class LoginView(PublicView):
    @extend_schema(
        request=LoginIn,
        responses={
            200: TokenPairOut,
            401: OpenApiResponse(
                description="Codes: wrong_credentials; second_step_needed, with a `challenge` for the second step"
            ),
            429: TOO_MANY,
        },
        operation_id="auth_login",
    )
    def post(self, request: Request) -> Response:
        """Exchange a name and password for a pair of tokens, or for the challenge of the second step."""
        _, pair = sign_in_client(**checked(LoginIn, request), place=place_of(request))
        return tokens(pair)


class SecondStepView(PublicView):
    @extend_schema(
        request=SecondStepIn,
        responses={
            200: TokenPairOut,
            401: OpenApiResponse(description="Codes: wrong_code, challenge_over"),
            429: TOO_MANY,
        },
        operation_id="auth_second_step",
    )
    def post(self, request: Request) -> Response:
        """Exchange a challenge and a code of the authenticator app, or a recovery code, for a pair of tokens."""
        _, pair = finish_sign_in_client(**checked(SecondStepIn, request), place=place_of(request))
        return tokens(pair)


class RefreshView(PublicView):
    @extend_schema(
        request=RefreshIn,
        responses={
            200: TokenPairOut,
            401: OpenApiResponse(
                description="Codes: token_invalid, token_expired, token_rotated, token_reused, session_ended"
            ),
            429: TOO_MANY,
        },
        operation_id="auth_refresh",
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token, once, for a new pair. One replayed more than 10 s later ends the session."""
        refresh = checked(RefreshIn, request)["refresh"]
        return tokens(refresh_tokens(refresh=refresh, address=address_of(request)))


class LogoutView(PublicView):
    scope_needed = "read"
    authentication_classes = [BearerAuthentication]

    @extend_schema(
        request=LogoutIn,
        responses={204: None, 401: OpenApiResponse(description="No token")},
        operation_id="auth_logout",
    )
    def post(self, request: Request) -> Response:
        """End the session of the refresh token in the body, or of the access token in the header."""
        refresh = checked(LogoutIn, request).get("refresh")
        if refresh:
            sign_out_client(refresh=refresh)
        elif request.auth is not None and live_session(request).kind == Session.Kind.TOKEN:
            raise Forbidden(
                "An API token is revoked, not signed out: see /api/auth/tokens/.", code="sign_in_needed"
            )
        elif request.auth is not None:
            sign_out(actor=signed_in_user(request), sid=live_session(request).sid)
        else:
            raise NotSignedIn("Send the refresh token in the body or the access token in the header.")
        return Response(status=status.HTTP_204_NO_CONTENT)


class PublicKeyView(PublicView):
    @extend_schema(responses=PublicKeyOut, operation_id="auth_public_key")
    def get(self, request: Request) -> Response:
        """The key that signs now. Verifiers had better read /.well-known/jwks.json, which has all that verify."""
        keys = load_keys()
        pem = keys.public[keys.signing_kid].public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return Response({"kid": keys.signing_kid, "alg": "RS256", "public_key": pem.decode()})


@method_decorator(never_cache, name="dispatch")
class SocketTicketView(APIView):
    scope_needed = "read"

    @extend_schema(request=None, responses={201: TicketOut}, operation_id="auth_ws_ticket")
    def post(self, request: Request) -> Response:
        """A ticket that opens one WebSocket within 30 s, because a token has no place in an address."""
        ticket = issue_socket_ticket(actor=signed_in_user(request), sid=live_session(request).sid)
        body = {"ticket": ticket, "expires_in": int(GOOD_FOR.total_seconds())}
        return Response(body, status=status.HTTP_201_CREATED)


def place_of(request: Request) -> Place:
    return Place(
        address=address_of(request),
        device=device_of(request._request),
        user_agent=user_agent_of(request),
    )


def tokens(pair: TokenPair) -> Response:
    return Response(TokenPairOut(pair).data)


def checked(serializer: Any, request: Request) -> dict[str, Any]:
    """The body's values, of the right shape; raises DRF's ValidationError."""
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    values: dict[str, Any] = form.validated_data
    return values


def live_session(request: Request) -> LiveSession:
    """The session behind a request that authentication has let in."""
    live: object = request.auth
    if not isinstance(live, LiveSession):
        raise NotSignedIn
    return live


def signed_in_user(request: Request) -> User:
    """The person behind a request that authentication has let in."""
    user = request.user
    if not isinstance(user, User):
        raise NotSignedIn
    return user
