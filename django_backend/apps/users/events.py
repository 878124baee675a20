"""From people and teams to events: the payloads that the stream's schemas describe."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from uuid_utils.compat import uuid7

from apps.users.models import Session, Team, User
from tms_events.envelope import Event, standalone_fact


def user_registered(user: User, how: str) -> Event:
    return _of_user("user.registered", user, actor=user, how=how)


def user_updated(user: User, *fields: str, actor: User | None) -> Event:
    """Which fields changed and not to what: names and addresses live in tables, where they can be erased."""
    return _of_user("user.updated", user, actor=actor, fields=sorted(fields))


def user_signed_in(session: Session) -> Event:
    return _of_session("user.signed_in", session, actor=session.user)


def user_signed_out(session: Session, *, actor: User | None) -> Event:
    """`actor` is None where the system ended the session."""
    return _of_session("user.signed_out", session, actor=actor)


def token_created(session: Session, *, actor: User) -> Event:
    return _of_user(
        "token.created",
        session.user,
        actor=actor,
        session=str(session.sid),
        scope=str(session.scope),
        project=session.project_id,
        service_of=session.user.service_of_id,
    )


def token_revoked(session: Session, *, actor: User | None) -> Event:
    return _of_user("token.revoked", session.user, actor=actor, session=str(session.sid))


def user_deactivated(user: User, *, actor: User | None) -> Event:
    return _of_user("user.deactivated", user, actor=actor)


def user_reactivated(user: User, *, actor: User | None) -> Event:
    return _of_user("user.reactivated", user, actor=actor)


def user_erased(user: User, *, actor: User | None) -> Event:
    return _of_user("user.erased", user, actor=actor)


def sign_in_failed(user: User | None, *, reason: str, kind: str) -> Event:
    """Its own aggregate: nobody proved to be anyone, so there is no row to lock."""
    payload = {"user": user.pk if user else None, "reason": reason, "kind": kind}
    return standalone_fact(
        "user.sign_in_failed", payload, actor=None, occurred_at=timezone.now(), correlation_id=uuid7()
    )


def access_denied(user: User, *, sid: UUID, code: str, method: str, route: str) -> Event:
    """Its own aggregate: refusing changed nothing of anybody's."""
    payload = {"user": user.pk, "session": str(sid), "code": code, "method": method, "route": route}
    return standalone_fact(
        "user.access_denied", payload, actor=user.pk, occurred_at=timezone.now(), correlation_id=uuid7()
    )


def team_created(team: Team, *, actor: User, at: datetime) -> Event:
    state = {"id": team.pk, "name": team.name, "slug": team.slug}
    return _of_team("team.created", team, version=1, actor=actor, at=at, team_state=state)


def member_added(team: Team, person: User, role: str, *, actor: User, at: datetime, version: int) -> Event:
    return _of_team("member.added", team, version=version, actor=actor, at=at, user=person.pk, role=str(role))


def member_removed(team: Team, person_id: int, *, actor: User, at: datetime) -> Event:
    return _of_team("member.removed", team, version=team.version, actor=actor, at=at, user=person_id)


def member_role_changed(
    team: Team, person_id: int, old: str, new: str, *, actor: User, at: datetime
) -> Event:
    change: dict[str, Any] = {"user": person_id, "from": str(old), "to": str(new)}
    return _of_team("member.role_changed", team, version=team.version, actor=actor, at=at, **change)


def _of_user(event_type: str, user: User, *, actor: User | None, **payload: Any) -> Event:
    return Event(
        type=event_type,
        aggregate_id=str(user.pk),
        version=user.version,
        payload={"user": user.pk, **payload},
        actor=actor.pk if actor else None,
        occurred_at=timezone.now(),
        correlation_id=uuid7(),
    )


def _of_session(event_type: str, session: Session, *, actor: User | None) -> Event:
    return _of_user(event_type, session.user, actor=actor, session=str(session.sid), kind=session.kind)


def _of_team(
    event_type: str,
    team: Team,
    *,
    version: int,
    actor: User,
    at: datetime,
    team_state: Any = None,
    **payload: Any,
) -> Event:
    return Event(
        type=event_type,
        aggregate_id=str(team.pk),
        version=version,
        payload={"team": team_state or team.pk, **payload},
        actor=actor.pk,
        occurred_at=at,
        correlation_id=uuid7(),
    )
