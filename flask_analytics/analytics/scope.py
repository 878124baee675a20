"""Which facts a reader's figures may be counted from: decided here, once, from the one definition of rights."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.database import Connection
from analytics.problems import NotFound
from analytics.queries.projects import Limits, list_existing_projects, list_visible_projects
from analytics.queries.readers import Reader


@dataclass(frozen=True, slots=True)
class Scope:
    """Either everything, or these projects and the personal tasks of `personal_of` (made by or assigned to them)."""

    everything: bool = False
    projects: tuple[int, ...] = ()
    personal_of: int | None = None


def scope_of(connection: Connection, reader: Reader, *, team: int | None, project: int | None) -> Scope:
    """What the reader sees, held to a team or a project if asked; NotFound where that is absent or invisible.

    Personal tasks have no project, so a filter and a narrow token leave them out.
    """
    limits = Limits(team=team, project=project, narrow=reader.project_id)
    is_whole = limits == Limits()
    if reader.is_staff and is_whole:
        return Scope(everything=True)
    if reader.is_staff:
        projects = list_existing_projects(connection, limits)
    else:
        projects = list_visible_projects(connection, reader.user_id, limits)
    if not projects and (team is not None or project is not None):
        raise NotFound
    return Scope(projects=projects, personal_of=reader.user_id if is_whole else None)
