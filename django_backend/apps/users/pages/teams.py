"""Teams as pages: who is in them, and invitations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.common.errors import DomainError, NotFound
from apps.users.models import Role
from apps.users.pages.account import account_page, done, person_of, shown
from apps.users.pages.forms import InviteForm, PageForm, RoleForm
from apps.users.policies import can_manage_members
from apps.users.selectors import get_team, members_of, open_invitations, teams_of
from apps.users.services.invitations import Invitation, invite_to_team, revoke_invitation
from apps.users.services.teams import change_member_role, remove_member


@account_page("GET")
def teams_page(request: HttpRequest) -> HttpResponse:
    """One's own teams; the only one's page at once."""
    teams = list(teams_of(person_of(request)).order_by("name", "pk"))
    if len(teams) == 1:
        return redirect("team", team_id=teams[0].pk)
    return shown(request, "users/teams.html", {"teams": teams, "place": "teams"}, {})


@account_page("GET", "POST")
def team_page(request: HttpRequest, team_id: int) -> HttpResponse:
    """Members, and for admins the invitations; after making a link the page itself shows it, once."""
    form = InviteForm(request.POST or None)
    made: list[Invitation] = []
    try:
        if form.is_valid() and done(
            form,
            lambda: made.append(
                invite_to_team(actor=person_of(request), team_id=team_id, **form.cleaned_data)
            ),
        ):
            return show_team(request, team_id, made=made[0])
        return show_team(request, team_id, form=form)
    except NotFound as problem:
        raise Http404 from problem


@account_page("POST")
def revoke_invitation_page(request: HttpRequest, team_id: int, invitation_id: UUID) -> HttpResponse:
    return act(
        request,
        team_id,
        "The link leads nowhere now.",
        lambda: revoke_invitation(actor=person_of(request), team_id=team_id, invitation_id=invitation_id),
    )


@account_page("POST")
def change_role_page(request: HttpRequest, team_id: int, user_id: int) -> HttpResponse:
    form = RoleForm(request.POST)
    role = form.cleaned_data["role"] if form.is_valid() else ""
    return act(
        request,
        team_id,
        "Saved.",
        lambda: change_member_role(actor=person_of(request), team_id=team_id, user_id=user_id, role=role),
    )


@account_page("POST")
def remove_member_page(request: HttpRequest, team_id: int, user_id: int) -> HttpResponse:
    """Also how one leaves: the page is out of sight then."""
    answer = act(
        request,
        team_id,
        "Done.",
        lambda: remove_member(actor=person_of(request), team_id=team_id, user_id=user_id),
    )
    return redirect("teams") if user_id == person_of(request).pk else answer


def act(request: HttpRequest, team_id: int, sentence: str, command: Any) -> HttpResponse:
    """Run the command and go back to the team's page with what came of it."""
    try:
        command()
        messages.success(request, sentence)
    except NotFound as problem:
        raise Http404 from problem
    except DomainError as problem:
        messages.error(request, problem.detail)
    return redirect("team", team_id=team_id)


def show_team(
    request: HttpRequest, team_id: int, made: Invitation | None = None, **forms: PageForm
) -> HttpResponse:
    reader = person_of(request)
    team, role = get_team(reader, team_id)
    manages = can_manage_members(role)
    context = {
        "team": team,
        "role": role,
        "manages": manages,
        "members": list(members_of(reader, team_id).order_by("user__display_name", "pk")),
        "invitations": list(open_invitations(reader, team_id)[:100]) if manages else [],
        "roles": Role.choices,
        "made": made,
        "form": InviteForm(),
        "place": "teams",
    }
    return shown(request, "users/team.html", context, forms)
