"""The demo story: Lantern sells theatre tickets, and this is its week. Written through the services like all else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from apps.tasks.models import Project, Status, Task
from apps.tasks.services.comments import add_comment
from apps.tasks.services.projects import add_project_member, create_project
from apps.tasks.services.tasks import change_status, create_task
from apps.users.models import Role, Team, User
from apps.users.services.accounts import register_user
from apps.users.services.teams import add_team_member, create_team

SLUG = "lantern"
PASSWORD = "daybook-demo"
PEOPLE = {
    "alice": ("Alice Marlow", Role.OWNER),
    "bob": ("Bob Okafor", Role.MEMBER),
    "carol": ("Carol Lindqvist", Role.ADMIN),
    "dan": ("Dan Wieczorek", Role.MEMBER),
    "erin": ("Erin Tanaka", Role.GUEST),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One task of the story. `due` is in days from today."""

    title: str
    status: str = "To do"
    priority: str = "medium"
    by: str = "alice"
    to: tuple[str, ...] = ()
    due: int | None = None
    text: str = ""
    said: tuple[tuple[str, str], ...] = field(default=())


STORY: dict[str, tuple[str, tuple[Line, ...]]] = {
    "BOX": (
        "Box office",
        (
            Line(
                "Refunds over €500 need a second approval",
                "In progress",
                "high",
                to=("bob", "carol"),
                due=-4,
                text="Finance asked for it after the Kestrel Hall refund.\n\n"
                "- two different people\n- the second sees what the first wrote\n- nothing is paid before",
                said=(
                    ("carol", "The second person must not be the one who sold the ticket."),
                    ("bob", "Agreed. I take that from the sales log, so no new field is needed."),
                ),
            ),
            Line(
                "Scanner app drops tickets when the venue Wi-Fi roams",
                "In progress",
                "urgent",
                by="dan",
                to=("dan",),
                due=-1,
                said=(("alice", "Bramley saw it again last night: 14 people waited at the door."),),
            ),
            Line("Show seat map prices in the buyer's currency", "In progress", to=("alice",), due=0),
            Line("Write the release note for 4.12", to=("carol",), due=0),
            Line(
                "Door staff can't see comps sold after 17:00",
                "Blocked",
                "high",
                by="bob",
                to=("bob", "dan"),
                due=1,
                text="Waits for the nightly export to move.",
            ),
            Line(
                "Seat map: keyboard selection and screen-reader names",
                "In progress",
                "high",
                to=("alice", "erin"),
                due=2,
                text="Buyers who use a keyboard can't choose seats: the map is one large drawing.\n\n"
                "## What done looks like\n\n"
                "1. Arrow keys move between seats, row by row\n"
                "2. Each seat has a name: “Row F, seat 12, £24, side view”\n"
                "3. Taken seats are announced and skipped\n\n"
                "> Please test with the Bramley balcony. Its rows curve.",
                said=(
                    ("erin", "I tried it on the Bramley balcony. Left and right feel *reversed* there."),
                    ("alice", "It goes by position now. Try again?"),
                ),
            ),
            Line("Limit failed card attempts per basket", priority="urgent", to=("bob",), due=3),
            Line("Season passes: carry unused credits to the next season", priority="high", due=3),
            Line("Print the door list as a plain PDF for front of house", to=("bob",), due=4),
            Line(
                "Move the nightly sales report off the old cron host",
                "In progress",
                "low",
                to=("dan",),
                due=8,
            ),
            Line("Show fees before the last step of checkout", by="carol", to=("carol",), due=10),
            Line("Replace the address lookup provider", priority="low"),
            Line("Waiting list: hold returned tickets for 15 minutes"),
            Line("Currency rounding in the basket", "Done", "high", to=("bob",), due=-6),
            Line("Thank-you mail after the first booking", "Done", to=("carol",), due=-3),
            Line("Sell gift cards in the foyer kiosk", "Cancelled", "low"),
        ),
    ),
    "OPS": (
        "Operations",
        (
            Line(
                "Renew the certificate of tickets.lantern.example",
                "In progress",
                "high",
                by="dan",
                to=("dan",),
                due=5,
            ),
            Line("Restore last week's backup into a scratch server", by="carol", to=("dan",), due=6),
            Line("Order three spare scanners", priority="low", by="bob", to=("bob",), due=12),
            Line("On-call list for December", by="carol", to=("carol",), due=7),
            Line("Switch the status page to the new provider", "Done", by="dan", to=("dan",), due=-8),
        ),
    ),
}


def is_planted() -> bool:
    return Team.objects.filter(slug=SLUG).exists()


@transaction.atomic
def plant() -> None:
    """Make the demo people, their team and its tasks: all of it or nothing."""
    people = {
        name: register_user(
            email=f"{name}@example.com", username=name, display_name=full_name, password=PASSWORD, how="demo"
        )
        for name, (full_name, _) in PEOPLE.items()
    }
    register_user(
        email="admin@example.com",
        username="admin",
        display_name="Otto Operator",
        password=PASSWORD,
        how="demo",
        is_staff=True,
    )
    alice = people["alice"]
    team = create_team(actor=alice, name="Lantern", slug=SLUG)
    for name, (_, role) in PEOPLE.items():
        if name != "alice":
            add_team_member(actor=alice, team_id=team.pk, user_id=people[name].pk, role=role)
    for key, (name, lines) in STORY.items():
        project = create_project(actor=alice, team_id=team.pk, key=key, name=name)
        add_project_member(actor=alice, project_id=project.pk, user_id=people["erin"].pk, role=Role.GUEST)
        statuses = {status.name: status for status in project.statuses.all()}
        for line in lines:
            _write(line, project, people, statuses)
    create_task(actor=alice, title="Ask the landlord about the bicycle shed", due_date=_day(2))


def _write(line: Line, project: Project, people: dict[str, User], statuses: dict[str, Status]) -> Task:
    task = create_task(
        actor=people[line.by],
        project_id=project.pk,
        title=line.title,
        description=line.text,
        priority=line.priority,
        due_date=_day(line.due),
        assignee_ids=[people[name].pk for name in line.to],
    )
    for name, body in line.said:
        add_comment(actor=people[name], task_id=task.pk, body=body)
    if line.status != "To do":
        actor = people[line.to[0] if line.to and line.to[0] != "erin" else line.by]
        change_status(actor=actor, task_id=task.pk, status_id=statuses[line.status].pk)
    return task


def _day(offset: int | None) -> date | None:
    return timezone.now().date() + timedelta(days=offset) if offset is not None else None
