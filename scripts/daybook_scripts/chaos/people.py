"""The people of a run, their teams and projects, and who may see what: told to Daybook, known here without asking it.

Everything goes in by the API. That the checker's idea of rights is written down here a second time is the point: it is
not read from the view whose use is being checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from daybook_scripts.chaos.doors import Address, Door

PASSWORD = "a run with kills"


@dataclass(slots=True)
class Person:
    """`id` is known once they are registered."""

    name: str
    id: int = 0

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"


@dataclass(slots=True)
class Project:
    """`readers` and `editors` are ids; `statuses` ids in their order."""

    key: str
    id: int = 0
    statuses: list[int] = field(default_factory=list)
    readers: set[int] = field(default_factory=set)
    editors: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """`roles` by name of the person, the owner first; `projects` by key: None for all of the team, or who is added."""

    name: str
    roles: dict[str, str]
    projects: dict[str, dict[str, str] | None]


TEAMS = (
    TeamPlan(
        "Harbour",
        {"ada": "owner", "bo": "admin", "cy": "member", "di": "member", "ed": "member", "ina": "guest"},
        {"ALFA": None, "BETA": None, "CORE": {"cy": "member", "di": "member"}},
    ),
    TeamPlan(
        "Quarry",
        {"fay": "owner", "ed": "member", "gus": "member", "hal": "member", "jo": "member"},
        {"DELTA": None, "ECHO": {"gus": "member"}},
    ),
)
GUEST_OF = "ALFA"
# Those who act (guests may only comment, and jo only watches) and those whose pages stay open.
ACTORS = ("ada", "bo", "cy", "di", "ed", "fay", "gus", "hal")
OBSERVERS = ("ada", "fay", "ina", "jo")


@dataclass(slots=True)
class Cast:
    """Everyone and everything a run is about."""

    people: dict[str, Person]
    projects: list[Project]

    def projects_to_edit(self, person: int) -> list[Project]:
        return [project for project in self.projects if person in project.editors]

    def projects_seen_by(self, person: int) -> frozenset[int]:
        return frozenset(project.id for project in self.projects if person in project.readers)


def assemble(address: Address) -> Cast:
    """Register everyone, make the teams and projects."""
    names = sorted({name for team in TEAMS for name in team.roles})
    cast = Cast({name: _register(address, name) for name in names}, [])
    for team in TEAMS:
        _found(address, team, cast)
    return cast


def _register(address: Address, name: str) -> Person:
    person = Person(name)
    stranger = Door(address)
    body = {
        "email": person.email,
        "username": name,
        "display_name": name.capitalize(),
        "password": PASSWORD,
    }
    person.id = stranger.must("POST", "/api/auth/register/", body)["id"]
    return person


def _found(address: Address, plan: TeamPlan, cast: Cast) -> None:
    owner_name, *others = plan.roles
    owner = Door(address, cast.people[owner_name].email, PASSWORD)
    team = owner.must("POST", "/api/teams/", {"name": plan.name})["id"]
    for name in others:
        _join(address, owner, team, cast.people[name], plan.roles[name])
    for key, added in plan.projects.items():
        cast.projects.append(_found_project(owner, team, key, added, plan, cast))


def _join(address: Address, owner: Door, team: int, person: Person, role: str) -> None:
    """Nobody is put into a team of strangers: they are handed a link, and follow it."""
    link = owner.must("POST", f"/api/teams/{team}/invitations/", {"role": role})["link"]
    secret = link.rstrip("/").rpartition("/")[2]
    Door(address, person.email, PASSWORD).must("POST", "/api/invitations/accept/", {"token": secret})


def _found_project(
    owner: Door, team: int, key: str, added: dict[str, str] | None, plan: TeamPlan, cast: Cast
) -> Project:
    body = {"team": team, "key": key, "name": key.capitalize()}
    made = owner.must("POST", "/api/projects/", body | {"visibility": "team" if added is None else "members"})
    project = Project(key, made["id"], [status["id"] for status in made["statuses"]])
    for name, role in _to_add(key, added, plan).items():
        user = cast.people[name].id
        owner.must("POST", f"/api/projects/{project.id}/members/", {"user": user, "role": role})
    for name, role in plan.roles.items():
        _let_in(project, cast.people[name].id, role, name, added)
    return project


def _to_add(key: str, added: dict[str, str] | None, plan: TeamPlan) -> dict[str, Any]:
    guests = {name: "guest" for name, role in plan.roles.items() if role == "guest" and key == GUEST_OF}
    return {**guests, **(added or {})}


def _let_in(project: Project, person: int, role: str, name: str, added: dict[str, str] | None) -> None:
    if role in ("owner", "admin") or (role == "member" and (added is None or name in added)):
        project.readers.add(person)
        project.editors.add(person)
    elif role == "guest" and project.key == GUEST_OF:
        project.readers.add(person)
