"""API tokens over REST: one's own, those of a team's robots, and their exchange for a JWT."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.api.auth import checked, live_session, signed_in_user
from apps.users.api.security import SecurityView
from apps.users.api.serializers import (
    ExchangedOut,
    MadeTokenOut,
    ServiceTokenIn,
    TokenIn,
    TokenOut,
    TokensOut,
)
from apps.users.selectors import live_tokens_of, service_tokens_of
from apps.users.services.api_tokens import (
    MadeToken,
    Wish,
    create_service_token,
    create_token,
    exchange_token,
    revoke_service_token,
    revoke_token,
)


class TokensView(SecurityView):
    @extend_schema(responses=TokensOut, operation_id="auth_tokens_list")
    def get(self, request: Request) -> Response:
        """One's own API tokens, newest first."""
        return Response({"results": TokenOut(live_tokens_of(signed_in_user(request)), many=True).data})

    @extend_schema(request=TokenIn, responses={201: MadeTokenOut}, operation_id="auth_tokens_create")
    def post(self, request: Request) -> Response:
        """Make a token. It is in this answer and nowhere else."""
        wish = wish_of(checked(TokenIn, request))
        return made(create_token(actor=signed_in_user(request), wish=wish))


class TokenView(SecurityView):
    @extend_schema(responses={204: None}, operation_id="auth_tokens_revoke")
    def delete(self, request: Request, sid: UUID) -> Response:
        """Revoke a token; it is refused everywhere from now on."""
        revoke_token(actor=signed_in_user(request), sid=sid)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ServiceTokensView(SecurityView):
    @extend_schema(responses=TokensOut, operation_id="team_service_tokens_list")
    def get(self, request: Request, team_id: int) -> Response:
        """Tokens of the team's robots; for admins."""
        found = service_tokens_of(signed_in_user(request), team_id)
        return Response({"results": TokenOut(found, many=True).data})

    @extend_schema(
        request=ServiceTokenIn, responses={201: MadeTokenOut}, operation_id="team_service_tokens_create"
    )
    def post(self, request: Request, team_id: int) -> Response:
        """Make a robot of the team's, with its token, which is in this answer and nowhere else."""
        values = checked(ServiceTokenIn, request)
        role = values.pop("role")
        actor = signed_in_user(request)
        return made(create_service_token(actor=actor, team_id=team_id, wish=wish_of(values), role=role))


class ServiceTokenView(SecurityView):
    @extend_schema(responses={204: None}, operation_id="team_service_tokens_revoke")
    def delete(self, request: Request, team_id: int, sid: UUID) -> Response:
        """Revoke a robot's token, and with it the robot."""
        revoke_service_token(actor=signed_in_user(request), team_id=team_id, sid=sid)
        return Response(status=status.HTTP_204_NO_CONTENT)


@method_decorator(never_cache, name="dispatch")
class TokenExchangeView(APIView):
    scope_needed = "read"

    @extend_schema(request=None, responses={200: ExchangedOut}, operation_id="auth_token_exchange")
    def post(self, request: Request) -> Response:
        """A JWT of the same session for 60 s, for the analytics service, which knows no opaque tokens."""
        access, seconds = exchange_token(actor=signed_in_user(request), live=live_session(request))
        return Response({"access": access, "expires_in": seconds})


def wish_of(values: dict[str, Any]) -> Wish:
    project_id = values.pop("project")
    return Wish(**values, project_id=project_id)


def made(result: MadeToken) -> Response:
    body = {**TokenOut(result.token).data, "token": result.secret}
    return Response(body, status=status.HTTP_201_CREATED)
