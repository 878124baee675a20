from __future__ import annotations

from dataclasses import dataclass

from analytics.database import Connection

LIST_VISIBLE = """
SELECT DISTINCT project_id FROM project_access
WHERE user_id = %(user_id)s
  AND (%(narrow)s::bigint IS NULL OR project_id = %(narrow)s)
  AND (%(team)s::bigint IS NULL OR team_id = %(team)s)
  AND (%(project)s::bigint IS NULL OR project_id = %(project)s)
ORDER BY project_id
"""

# For staff, who need no membership. A project whose people are all inactive is in no row of the view, so those that
# have figures count too.
LIST_EXISTING = """
SELECT project_id FROM project_access
WHERE (%(narrow)s::bigint IS NULL OR project_id = %(narrow)s)
  AND (%(team)s::bigint IS NULL OR team_id = %(team)s)
  AND (%(project)s::bigint IS NULL OR project_id = %(project)s)
UNION
SELECT project_id FROM analytics_task
WHERE project_id IS NOT NULL
  AND (%(narrow)s::bigint IS NULL OR project_id = %(narrow)s)
  AND (%(team)s::bigint IS NULL OR team_id = %(team)s)
  AND (%(project)s::bigint IS NULL OR project_id = %(project)s)
ORDER BY project_id
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request or a narrow token asks to be held to; None is no limit."""

    team: int | None = None
    project: int | None = None
    narrow: int | None = None


def list_visible_projects(connection: Connection, user_id: int, limits: Limits) -> tuple[int, ...]:
    """The ids of the projects the person has a role in, within the limits, in order."""
    rows = connection.execute(LIST_VISIBLE, {"user_id": user_id, **_parameters(limits)})
    return tuple(row[0] for row in rows)


def list_existing_projects(connection: Connection, limits: Limits) -> tuple[int, ...]:
    """The ids of all projects there are within the limits, in order."""
    return tuple(row[0] for row in connection.execute(LIST_EXISTING, _parameters(limits)))


def _parameters(limits: Limits) -> dict[str, int | None]:
    return {"team": limits.team, "project": limits.project, "narrow": limits.narrow}
