"""People and teams over REST."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api.commands import run_request
from apps.common.api.pagination import keyset_page, limit_of, page_response
from apps.common.errors import NotFound
from apps.common.idempotency.commands import Outcome
from apps.users.api.auth import TOO_MANY, checked, signed_in_user
from apps.users.api.serializers import (
    InvitationIn,
    InvitationOut,
    InvitationPageOut,
    JoinedOut,
    LinkIn,
    MadeInvitationOut,
    MemberIn,
    MemberOut,
    MemberPageOut,
    MeOut,
    MePatch,
    PeoplePageOut,
    RoleIn,
    TeamIn,
    TeamOut,
    TeamPageOut,
    UserOut,
)
from apps.users.models import TeamMember, User
from apps.users.selectors import (
    get_member,
    get_person,
    get_team,
    members_of,
    open_invitations,
    people_known_to,
    teams_of,
)
from apps.users.services.invitations import accept_invitation, invite_to_team, revoke_invitation
from apps.users.services.profile import edit_profile
from apps.users.services.teams import add_team_member, change_member_role, create_team, remove_member

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
    scope_needed = "admin"

    @extend_schema(responses=MeOut, operation_id="users_me")
    def get(self, request: Request) -> Response:
        """Oneself."""
        return Response(MeOut(signed_in_user(request)).data)

    @extend_schema(parameters=IDEMPOTENT, request=MePatch, responses=MeOut, operation_id="users_me_change")
    def patch(self, request: Request) -> Response:
        """Change the fields that are named. Address and password have routes of their own."""
        actor, changes = signed_in_user(request), checked(MePatch, request)

        def operation() -> Outcome:
            user = edit_profile(actor=actor, changes=changes)
            return Outcome(status=status.HTTP_200_OK, object_id=user.pk, version=user.version)

        outcome = run_request(request, operation)
        return Response(MeOut(get_person(actor, actor.pk)).data, status=outcome.status)


class TeamsView(APIView):
    scope_needed = "admin"

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


class PersonView(APIView):
    @extend_schema(responses=UserOut, operation_id="users_read")
    def get(self, request: Request, user_id: int) -> Response:
        """Somebody one shares a team with."""
        return Response(UserOut(get_person(signed_in_user(request), user_id)).data)


class MembersView(APIView):
    scope_needed = "admin"

    @extend_schema(parameters=PAGED, responses=MemberPageOut, operation_id="team_members_list")
    def get(self, request: Request, team_id: int) -> Response:
        """Who is in the team and with which role."""
        return paged(request, members_of(signed_in_user(request), team_id), MemberOut)

    @extend_schema(
        parameters=IDEMPOTENT, request=MemberIn, responses={201: MemberOut}, operation_id="team_members_add"
    )
    def post(self, request: Request, team_id: int) -> Response:
        """Take somebody in whom one knows from another team; others are invited. Only an owner makes an owner."""
        actor, values = signed_in_user(request), checked(MemberIn, request)

        def operation() -> Outcome:
            # Anybody else is absent for this actor, whether or not there is such an account.
            is_known = people_known_to(actor).filter(pk=values["user"]).exists()
            membership = add_team_member(
                actor=actor,
                team_id=team_id,
                user_id=values["user"] if is_known else 0,
                role=values["role"],
            )
            return Outcome(status=status.HTTP_201_CREATED, object_id=membership.pk, version=None)

        outcome = run_request(request, operation)
        membership = members_of(actor, team_id).filter(pk=outcome.object_id or 0).first()
        if membership is None:  # taken out again since the command that is replayed here
            raise NotFound
        return Response(MemberOut(membership).data, status=outcome.status)


class MemberView(APIView):
    scope_needed = "admin"

    @extend_schema(
        parameters=IDEMPOTENT, request=RoleIn, responses=MemberOut, operation_id="team_members_change"
    )
    def patch(self, request: Request, team_id: int, user_id: int) -> Response:
        """Change a member's role. The last owner stays one (409, last_owner)."""
        actor, values = signed_in_user(request), checked(RoleIn, request)

        def operation() -> Outcome:
            change_member_role(actor=actor, team_id=team_id, user_id=user_id, role=values["role"])
            return Outcome(status=status.HTTP_200_OK, object_id=user_id)

        outcome = run_request(request, operation)
        return Response(MemberOut(get_member(actor, team_id, user_id)).data, status=outcome.status)

    @extend_schema(parameters=IDEMPOTENT, responses={204: None}, operation_id="team_members_remove")
    def delete(self, request: Request, team_id: int, user_id: int) -> Response:
        """Take a member out of the team, or leave it oneself. The last owner can't (409, last_owner)."""
        actor = signed_in_user(request)

        def operation() -> Outcome:
            remove_member(actor=actor, team_id=team_id, user_id=user_id)
            return Outcome(status=status.HTTP_204_NO_CONTENT, object_id=user_id)

        return Response(status=run_request(request, operation).status)


class InvitationsView(APIView):
    scope_needed = "admin"

    @extend_schema(parameters=PAGED, responses=InvitationPageOut, operation_id="team_invitations_list")
    def get(self, request: Request, team_id: int) -> Response:
        """Invitations that may still be accepted, newest first; for admins."""
        found = open_invitations(signed_in_user(request), team_id)
        page = keyset_page(
            found,
            ("-made_at", "-id"),
            cursor=request.GET.get("cursor"),
            limit=limit_of(request._request),
        )
        return page_response(request._request, page, InvitationOut)

    @extend_schema(
        request=InvitationIn,
        responses={201: MadeInvitationOut, 429: TOO_MANY},
        operation_id="team_invitations_create",
    )
    def post(self, request: Request, team_id: int) -> Response:
        """Invite somebody: by mail, or by a link to hand over. It takes no idempotency key, for it shows a secret."""
        made = invite_to_team(
            actor=signed_in_user(request), team_id=team_id, **checked(InvitationIn, request)
        )
        body = {**InvitationOut(made.link).data, "link": made.address}
        return Response(body, status=status.HTTP_201_CREATED)


class InvitationView(APIView):
    scope_needed = "admin"

    @extend_schema(responses={204: None}, operation_id="team_invitations_revoke")
    def delete(self, request: Request, team_id: int, invitation_id: UUID) -> Response:
        """Take an invitation back."""
        revoke_invitation(actor=signed_in_user(request), team_id=team_id, invitation_id=invitation_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AcceptInvitationView(APIView):
    scope_needed = "admin"

    @extend_schema(request=LinkIn, responses={200: JoinedOut}, operation_id="invitations_accept")
    def post(self, request: Request) -> Response:
        """Join a team by an invitation's secret, as somebody who has an account."""
        member = accept_invitation(actor=signed_in_user(request), secret=checked(LinkIn, request)["token"])
        return Response(JoinedOut(member).data)


def paged(request: Request, rows: QuerySet[User] | QuerySet[TeamMember] | QuerySet, shape: type) -> Response:
    """One page of `rows` by id, each in the given shape."""
    page = keyset_page(rows, ("id",), cursor=request.GET.get("cursor"), limit=limit_of(request._request))
    return page_response(request._request, page, shape)
