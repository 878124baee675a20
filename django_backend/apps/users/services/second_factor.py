"""The second step at sign-in: a code of an authenticator app, or one of the recovery codes."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.common.auth.live import digest_of
from apps.common.errors import Conflict, Invalid
from apps.common.events.record import record
from apps.users.events import user_updated
from apps.users.models import RecoveryCode, SecondFactor, User
from apps.users.services.locking import lock_user, next_user_version
from apps.users.services.mails import Kind, queue_mail

STEP_S = 30
DRIFT = 1  # steps that a phone's clock may be off
RECOVERY_CODES = 10


class AlreadyOn(Conflict):
    code = "second_factor_on"
    title = "The second step is on already. Switch it off first"


class NotOn(Conflict):
    code = "second_factor_off"
    title = "The second step is not on"


class NotBegun(Conflict):
    code = "second_factor_not_begun"
    title = "Begin by adding the secret to your app"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What goes into the app: the secret by itself, and as the address that a QR code holds."""

    secret: str
    address: str


def has_second_factor(user: User) -> bool:
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


@transaction.atomic
def begin_second_factor(*, actor: User) -> Enrolment:
    """A new secret for the app, in place of one that was never confirmed. Nothing is asked yet. Raises AlreadyOn."""
    user = lock_user(actor.pk)
    if has_second_factor(user):
        raise AlreadyOn
    secret = pyotp.random_base32()
    SecondFactor.objects.update_or_create(
        user=user,
        defaults={
            "sealed_secret": _box().encrypt(secret.encode()),
            "made_at": timezone.now(),
            "last_step": 0,
        },
    )
    return _enrolment(user, secret)


def pending_enrolment(user: User) -> Enrolment | None:
    """The secret that waits to be confirmed, to show the page of it again."""
    factor = SecondFactor.objects.filter(user=user, confirmed_at__isnull=True).first()
    return _enrolment(user, _secret(factor)) if factor else None


def confirm_second_factor(*, actor: User, code: str) -> list[str]:
    """Switch it on, by a code that shows that the app has the secret; the recovery codes are shown this once.

    The caller has asked for the password. Raises AlreadyOn, NotBegun, Invalid for `code`.
    """
    with transaction.atomic():
        user = lock_user(actor.pk)
        factor = SecondFactor.objects.select_for_update().filter(user=user).first()
        if factor is None:
            raise NotBegun
        if factor.confirmed_at is not None:
            raise AlreadyOn
        if not _take_code(factor, code):
            raise wrong_code()
        factor.confirmed_at = timezone.now()
        factor.save(update_fields=["confirmed_at"])
        codes = _new_recovery_codes(user)
        _changed(user, Kind.SECOND_FACTOR_ON)
    return codes


@transaction.atomic
def switch_off_second_factor(*, actor: User) -> None:
    """The password alone signs in from now on. The caller has asked for password and code. Raises NotOn."""
    user = lock_user(actor.pk)
    if not has_second_factor(user):
        raise NotOn
    SecondFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    _changed(user, Kind.SECOND_FACTOR_OFF)


@transaction.atomic
def renew_recovery_codes(*, actor: User) -> list[str]:
    """Ten new ones in place of all former. The caller has asked for password and code. Raises NotOn."""
    user = lock_user(actor.pk)
    if not has_second_factor(user):
        raise NotOn
    codes = _new_recovery_codes(user)
    next_user_version(user)
    record(user_updated(user, "second_factor", actor=user))
    return codes


@transaction.atomic
def take_code(user: User, code: str) -> bool:
    """Whether this is a code of the person's app or a recovery code of theirs; each is taken once."""
    factor = SecondFactor.objects.select_for_update().filter(user=user, confirmed_at__isnull=False).first()
    if factor is None:
        return False
    return _take_code(factor, code) or _take_recovery_code(user, code)


def wrong_code() -> Invalid:
    return Invalid(fields={"code": ["This code is not good, or was used before."]}, code="wrong_code")


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at__isnull=True).count()


def _take_code(factor: SecondFactor, code: str) -> bool:
    """The code of this step or one beside it, if none of that step or a later one was taken before."""
    totp = pyotp.TOTP(_secret(factor))
    now = int(time.time()) // STEP_S
    given = "".join(code.split())
    for step in range(now - DRIFT, now + DRIFT + 1):
        if secrets.compare_digest(totp.generate_otp(step).encode(), given.encode()):
            if step <= factor.last_step:
                return False
            factor.last_step = step
            factor.save(update_fields=["last_step"])
            return True
    return False


def _take_recovery_code(user: User, code: str) -> bool:
    plain = "".join(code.split()).replace("-", "").lower()
    codes = RecoveryCode.objects.filter(user=user, digest=digest_of(plain), used_at__isnull=True)
    return bool(codes.update(used_at=timezone.now()))


def _new_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    plain = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=digest_of(code)) for code in plain)
    return ["-".join(code[place : place + 4] for place in range(0, 16, 4)) for code in plain]


def _changed(user: User, kind: Kind) -> None:
    next_user_version(user)
    record(user_updated(user, "second_factor", actor=user))
    queue_mail(kind, user.email, user=user)


def _enrolment(user: User, secret: str) -> Enrolment:
    issuer = f"Daybook {settings.PUBLIC_URL.partition('://')[2]}".replace(":", " ")
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=issuer))


def _secret(factor: SecondFactor) -> str:
    """Raises SecretUnreadable: the process answers 500 and lets nobody in without their second step."""
    try:
        return _box().decrypt(bytes(factor.sealed_secret)).decode()
    except InvalidToken as problem:
        raise SecretUnreadable from problem


class SecretUnreadable(RuntimeError):
    """SECRET_KEY is not the one that the second steps were sealed with. Put it back; nobody signs in without."""


def _box() -> Fernet:
    mac = salted_hmac("daybook.second-factor", "seal", secret=settings.SECRET_KEY, algorithm="sha256")
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(mac.digest()).digest()))
