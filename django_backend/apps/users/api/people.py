"""People and teams over REST."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api.commands import run_request
from apps.common.api.pagination import keyset_page, limit_of, page_response
from apps.common.idempotency.commands import Outcome
from apps.users.api.auth import checked, signed_in_user
from apps.users.api.serializers import (
    MemberIn,
    MemberOut,
    MemberPageOut,
    MeOut,
    PeoplePageOut,
    TeamIn,
    TeamOut,
    TeamPageOut,
    UserOut,
)
from apps.users.models import TeamMember, User
from apps.users.selectors import find_by_sign_in_name, get_team, members_of, people_known_to, teams_of
from apps.users.services.teams import add_team_member, create_team

PAGED = [
    OpenApiParameter("cursor", str, description="From the `next` of the page before"),
    OpenApiParameter("limit", int, description="1 to 100, 20 unless given"),
]
IDEMPOTENT = [OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)]


class PeopleView(APIView):
    @extend_schema(parameters=PAGED, responses=PeoplePageOut, operation_id="users_list")
    def get(self, request: Request) -> Response:
        """Oneself and the people one shares a team with, by id. No addresses."""
        return paged(request, people_known_to(signed_in_user(request)), UserOut)


class MeView(APIView):
    @extend_schema(responses=MeOut, operation_id="users_me")
    def get(self, request: Request) -> Response:
        """Oneself."""
        return Response(MeOut(signed_in_user(request)).data)


class TeamsView(APIView):
    @extend_schema(parameters=PAGED, responses=TeamPageOut, operation_id="teams_list")
    def get(self, request: Request) -> Response:
        """One's own teams."""
        return paged(request, teams_of(signed_in_user(request)), TeamOut)

    @extend_schema(
        parameters=IDEMPOTENT, request=TeamIn, responses={201: TeamOut}, operation_id="teams_create"
    )
    def post(self, request: Request) -> Response:
        """Make a team and own it."""
        actor, values = signed_in_user(request), checked(TeamIn, request)

        def operation() -> Outcome:
            team = create_team(actor=actor, **values)
            return Outcome(status=status.HTTP_201_CREATED, object_id=team.pk, version=team.version)

        outcome = run_request(request, operation)
        team, _ = get_team(actor, outcome.object_id or 0)
        return Response(TeamOut(team).data, status=outcome.status)


class MembersView(APIView):
    @extend_schema(parameters=PAGED, responses=MemberPageOut, operation_id="team_members_list")
    def get(self, request: Request, team_id: int) -> Response:
        """Who is in the team and with which role."""
        return paged(request, members_of(signed_in_user(request), team_id), MemberOut)

    @extend_schema(
        parameters=IDEMPOTENT, request=MemberIn, responses={201: MemberOut}, operation_id="team_members_add"
    )
    def post(self, request: Request, team_id: int) -> Response:
        """Take somebody who has an account into the team. Admins may; only an owner makes an owner."""
        actor, values = signed_in_user(request), checked(MemberIn, request)

        def operation() -> Outcome:
            person = find_by_sign_in_name(values["user"])
            membership = add_team_member(
                actor=actor, team_id=team_id, user_id=person.pk if person else 0, role=values["role"]
            )
            return Outcome(status=status.HTTP_201_CREATED, object_id=membership.pk, version=None)

        outcome = run_request(request, operation)
        membership = members_of(actor, team_id).get(pk=outcome.object_id or 0)
        return Response(MemberOut(membership).data, status=outcome.status)


def paged(request: Request, rows: QuerySet[User] | QuerySet[TeamMember] | QuerySet, shape: type) -> Response:
    """One page of `rows` by id, each in the given shape."""
    page = keyset_page(rows, ("id",), cursor=request.GET.get("cursor"), limit=limit_of(request._request))
    return page_response(request._request, page, shape)
