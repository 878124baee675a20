"""Sign-ins: they begin here, are refreshed here and end here. Nothing else writes a session's facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core import signing
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from apps.common.auth.live import find_person, touch_session
from apps.common.auth.tokens import (
    ACCESS_LIFETIME,
    REFRESH_LIFETIME,
    AccessToken,
    RefreshToken,
    TokenInvalid,
    new_token,
    read_token,
)
from apps.common.errors import NotFound, NotSignedIn
from apps.common.events.record import record
from apps.users.events import sign_in_failed, user_signed_in, user_signed_out
from apps.users.models import Session, User
from apps.users.selectors import find_by_sign_in_name, live_sessions_of
from apps.users.services import limits
from apps.users.services.accounts import MAX_PASSWORD_LENGTH
from apps.users.services.locking import lock_user, next_user_version
from apps.users.services.second_factor import has_second_factor, take_code
from apps.users.services.sign_in_limits import Place, subject_of, take_try

# A client whose answer was lost, or two tabs that refresh at once, repeat a token within moments. Later than this,
# somebody else has a copy.
REUSE_GRACE = timedelta(seconds=10)
USER_AGENT_LENGTH = 300
CHALLENGE_SALT = "daybook.second-step"
CHALLENGE_GOOD_FOR = timedelta(minutes=5)
NOWHERE = Place()


class WrongCredentials(NotSignedIn):
    """The same answer for an unknown account, a wrong password and a person who was deactivated."""

    code = "wrong_credentials"
    title = "That name and password don't match"


class WrongCode(NotSignedIn):
    code = "wrong_code"
    title = "This code is not good, or was used before"


class ChallengeOver(NotSignedIn):
    """Too old, of another door, or the password has changed since."""

    code = "challenge_over"
    title = "This took too long. Sign in with your password again"


class SecondStepNeeded(NotSignedIn):
    """The password was right; `challenge` and a code of the authenticator app finish the sign-in."""

    code = "second_step_needed"
    title = "Now the code of your authenticator app"

    def __init__(self, challenge: str) -> None:
        self.challenge = challenge
        seconds = int(CHALLENGE_GOOD_FOR.total_seconds())
        super().__init__(extra={"challenge": challenge, "expires_in": seconds})


class SessionEnded(NotSignedIn):
    code = "session_ended"
    title = "This session has ended. Sign in again"


class TokenRotated(NotSignedIn):
    """Exchanged a moment ago: the other answer carries the new token."""

    code = "token_rotated"
    title = "This refresh token was exchanged a moment ago. Use the newer one"


class TokenReused(NotSignedIn):
    """Exchanged long ago: somebody has a copy, so the whole session has ended."""

    code = "token_reused"
    title = "This refresh token was used before. For safety the session has ended; sign in again"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Signed tokens for an API client; `expires_in` is the access token's life in seconds."""

    access: str
    refresh: str
    expires_in: int


def sign_in(*, login: str, password: str, kind: str = Session.Kind.WEB, place: Place = NOWHERE) -> Session:
    """Begin a session for whoever this e-mail address or user name and password belong to.

    Raises WrongCredentials after writing down the failure, which commits by itself; TooManyRequests; and
    SecondStepNeeded, whose challenge goes to `finish_sign_in` with a code.
    """
    return begin_session(actor=_by_password(login, password, kind, place), kind=kind, place=place)


def sign_in_client(*, login: str, password: str, place: Place = NOWHERE) -> tuple[Session, TokenPair]:
    """The same for an API client, with its first pair of tokens."""
    return _begin_client(_by_password(login, password, Session.Kind.API, place), place)


def finish_sign_in(*, challenge: str, code: str, place: Place = NOWHERE) -> Session:
    """The second step: the session that `sign_in` did not begin. Raises ChallengeOver, WrongCode, TooManyRequests."""
    user = _by_code(challenge, code, Session.Kind.WEB, place)
    return begin_session(actor=user, kind=Session.Kind.WEB, place=place)


def finish_sign_in_client(*, challenge: str, code: str, place: Place = NOWHERE) -> tuple[Session, TokenPair]:
    """The same for an API client."""
    return _begin_client(_by_code(challenge, code, Session.Kind.API, place), place)


@transaction.atomic
def begin_session(*, actor: User, kind: str = Session.Kind.WEB, place: Place = NOWHERE) -> Session:
    """A session for somebody who has just proved who they are."""
    return _begin(actor, kind, place)


@transaction.atomic
def _begin_client(user: User, place: Place) -> tuple[Session, TokenPair]:
    session = _begin(user, Session.Kind.API, place)
    return session, _issue(session.user, session.sid)


def _by_password(login: str, password: str, kind: str, place: Place) -> User:
    """The person, after as much work for an unknown account as for a known one. No lock is held meanwhile."""
    user = find_by_sign_in_name(login)
    taken = take_try(subject_of(login), user, place, kind=kind)
    reason = _why_not(user, password)
    if user is None or reason is not None:
        _note_failure(user, str(reason), kind)
        raise WrongCredentials
    taken.succeeded()
    if has_second_factor(user):
        raise SecondStepNeeded(_challenge(user, kind))
    return user


def _by_code(challenge: str, code: str, kind: str, place: Place) -> User:
    user = _challenged(challenge, kind)
    taken = take_try(f"code:{user.pk}", user, place, kind=kind)
    if not take_code(user, code):
        _note_failure(user, "wrong_code", kind)
        raise WrongCode
    taken.succeeded()
    return user


def _challenge(user: User, kind: str) -> str:
    """Says that this person has given their password: signed, for five minutes and until the password changes."""
    proved = {"user": user.pk, "kind": str(kind), "mark": _mark(user)}
    return signing.dumps(proved, salt=CHALLENGE_SALT)


def _challenged(challenge: str, kind: str) -> User:
    try:
        proved = signing.loads(challenge, salt=CHALLENGE_SALT, max_age=CHALLENGE_GOOD_FOR)
    except signing.BadSignature as problem:
        raise ChallengeOver from problem
    user = User.objects.filter(pk=proved["user"], is_active=True).first()
    if user is None or proved["kind"] != kind or not constant_time_compare(proved["mark"], _mark(user)):
        raise ChallengeOver
    return user


def _mark(user: User) -> str:
    return salted_hmac(CHALLENGE_SALT, user.password, algorithm="sha256").hexdigest()


def _note_failure(user: User | None, reason: str, kind: str) -> None:
    with transaction.atomic():
        record(sign_in_failed(user, reason=reason, kind=kind))


def _why_not(user: User | None, password: str) -> str | None:
    """Why this person may not come in with this password; one hash is computed whatever the answer."""
    text = password[:MAX_PASSWORD_LENGTH]
    if user is None:
        make_password(text)
        return "unknown_account"
    if not check_password(text, user.password) or len(password) > MAX_PASSWORD_LENGTH:
        return "wrong_password"
    return None if user.is_active else "inactive"


def _begin(user: User, kind: str, place: Place) -> Session:
    locked = lock_user(user.pk)
    if not locked.is_active or locked.password != user.password:
        raise WrongCredentials  # deactivated, or the password changed, since it was checked
    now = timezone.now()
    session = Session.objects.create(
        user=locked,
        kind=kind,
        started_at=now,
        last_used_at=now,
        idle_until=now + settings.SESSION_IDLE_LIMIT,
        expires_at=now + settings.SESSION_ABSOLUTE_LIMIT,
        user_agent=place.user_agent[:USER_AGENT_LENGTH].replace("\x00", ""),
        address=place.address or None,
    )
    locked.last_login = now
    next_user_version(locked, "last_login")
    record(user_signed_in(session))
    return session


@transaction.atomic
def sign_out(*, actor: User, sid: UUID) -> None:
    """End one of one's own sessions. The same again, or somebody else's, changes nothing."""
    _end(user_id=actor.pk, sid=sid, because="signed out", actor=actor)


@transaction.atomic
def revoke_session(*, actor: User, sid: UUID) -> None:
    """End one of one's own sign-ins that still holds, from the list of them; raises NotFound."""
    if not live_sessions_of(actor).filter(sid=sid).exists():
        raise NotFound
    _end(user_id=actor.pk, sid=sid, because="signed out from another place", actor=actor)


@transaction.atomic
def sign_out_everywhere(*, actor: User, keep: UUID | None = None) -> int:
    """End every sign-in of one's own but `keep`; API tokens have their own list. Returns how many ended."""
    return end_sign_ins(lock_user(actor.pk), because="signed out everywhere", actor=actor, keep=keep)


def end_sign_ins(user: User, *, because: str, actor: User | None, keep: UUID | None = None) -> int:
    """End the locked person's sign-ins but `keep`, one fact each; within the caller's transaction."""
    live = Session.objects.filter(user=user, ended_at__isnull=True).exclude(kind=Session.Kind.TOKEN)
    ending = list(live.exclude(sid=keep).order_by("sid") if keep else live.order_by("sid"))
    for session in ending:
        _end_locked(user, session, because=because, actor=actor)
    return len(ending)


def sign_out_client(*, refresh: str) -> None:
    """End the session that a refresh token belongs to; raises TokenInvalid or TokenExpired."""
    token = read_token(RefreshToken, refresh)
    user = User.objects.filter(public_id=token.public_id).first()
    if user is None:
        raise TokenInvalid
    sign_out(actor=user, sid=token.sid)


def _end(*, user_id: int, sid: UUID, because: str, actor: User | None) -> None:
    user = lock_user(user_id)
    session = Session.objects.filter(sid=sid, user=user, ended_at__isnull=True).first()
    if session is not None:
        _end_locked(user, session, because=because, actor=actor)


def _end_locked(user: User, session: Session, *, because: str, actor: User | None) -> None:
    session.user = user
    session.ended_at = timezone.now()
    session.ended_because = because
    session.save(update_fields=["ended_at", "ended_because"])
    next_user_version(user)
    record(user_signed_out(session, actor=actor))


def refresh_tokens(*, refresh: str, address: str | None = None) -> TokenPair:
    """Exchange a refresh token, once.

    Raises TooManyRequests, TokenInvalid, TokenExpired, SessionEnded; TokenRotated for one exchanged less than 10 s ago,
    which ends nothing; TokenReused for one exchanged earlier, which ends the session and with it every token of the
    family.
    """
    if address:
        limits.enforce(limits.REFRESH_BY_ADDRESS, limits.network_of(address))
    token = read_token(RefreshToken, refresh)
    limits.enforce(limits.REFRESH_BY_FAMILY, str(token.sid))
    with transaction.atomic():
        spent_at = _spend(token)
        if spent_at is None:
            return _exchange(token)
    if timezone.now() - spent_at <= REUSE_GRACE:
        raise TokenRotated
    _end_family(token)
    raise TokenReused


def _spend(token: RefreshToken) -> datetime | None:
    """Mark the token as exchanged; the time of the first exchange if there was one. Rivals wait for the row."""
    row = OutstandingToken.objects.select_for_update(of=("self",)).filter(jti=token["jti"]).first()
    if row is None:
        raise TokenInvalid
    spent = BlacklistedToken.objects.filter(token=row).first()
    if spent is not None:
        return spent.blacklisted_at
    BlacklistedToken.objects.create(token=row)
    return None


def _exchange(token: RefreshToken) -> TokenPair:
    found = find_person(token.sid, token.public_id)
    if found is None:
        raise SessionEnded
    touch_session(token.sid)
    person: User = found[0]  # type: ignore[assignment]  # AUTH_USER_MODEL is ours
    return _issue(person, token.sid)


def _end_family(token: RefreshToken) -> None:
    user = User.objects.filter(public_id=token.public_id).first()
    if user is not None:
        with transaction.atomic():
            _end(user_id=user.pk, sid=token.sid, because="refresh token reused", actor=None)


def _issue(user: User, sid: UUID) -> TokenPair:
    """Sign a pair and write down the refresh token by `jti`; its text is kept nowhere, its family stands for it."""
    access = new_token(AccessToken, public_id=user.public_id, sid=sid)
    refresh = new_token(RefreshToken, public_id=user.public_id, sid=sid)
    now = timezone.now()
    OutstandingToken.objects.create(
        user=user, jti=refresh["jti"], token=str(sid), created_at=now, expires_at=now + REFRESH_LIFETIME
    )
    return TokenPair(str(access), str(refresh), int(ACCESS_LIFETIME.total_seconds()))
