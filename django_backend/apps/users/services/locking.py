"""Rows are locked before an event is written: their versions follow the order of commits. Users before teams."""

from __future__ import annotations

from django.db.models import F

from apps.common.errors import NotFound
from apps.users.models import Team, User
from apps.users.selectors import MAX_ID


def lock_user(user_id: int) -> User:
    """The person, locked; foreign-key checks of others pass."""
    user = User.objects.select_for_update(no_key=True, of=("self",)).filter(pk=user_id).first()
    if user is None:
        raise NotFound
    return user


def lock_team(team_id: int) -> Team:
    team = None
    if 0 < team_id <= MAX_ID:
        team = Team.objects.select_for_update(no_key=True, of=("self",)).filter(pk=team_id).first()
    if team is None:
        raise NotFound
    return team


def next_user_version(user: User, *also: str) -> None:
    """Move the locked person's version, saving the fields named in `also` with it."""
    user.version += 1
    user.save(update_fields=["version", *also])


def move_access_epoch(user_id: int) -> None:
    """What this person may see has changed: open sockets and resuming browsers look again."""
    User.objects.filter(pk=user_id).update(access_epoch=F("access_epoch") + 1)
