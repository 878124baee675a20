"""How often passwords and codes may be tried: lock-out that can't be turned against the owner of an account.

Three allowances, shared by API, pages and admin, of which a try takes from each that applies:

- of the pair of account and place: a few tries, then one every few minutes;
- of the account, whoever tries: many more, so that many places together don't get far;
- of the address, whichever accounts it tries.

The last two are not asked from a place that the account's owner uses: a browser they signed in from (its cookie says
so) or an address they signed in from of late. So strangers who use up the account's allowance close it to strangers.
Accounts are counted by the name that was typed: a name that nobody has is refused as early as one that somebody has,
and two names of one account don't betray each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.common.auth.device import Device
from apps.common.errors import TooManyRequests
from apps.common.events.record import record
from apps.users.events import sign_in_failed
from apps.users.models import Session, User
from apps.users.services.limits import (
    Allowance,
    Rule,
    forget,
    give_back,
    network_of,
    take_all,
    try_take,
)

PAIR = Rule("sign-in:pair", 5, timedelta(minutes=3))
ACCOUNT = Rule("sign-in:account", 50, timedelta(minutes=2))
NETWORK = Rule("sign-in:network", 50, timedelta(seconds=30))
# One refusal in ten minutes is told to the log for each pair; the others cost no write.
TOLD = Rule("sign-in:told", 1, timedelta(minutes=10))
LATELY = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a try comes from."""

    address: str | None = None
    device: Device | None = None
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one try took: given back in whole or in part where it turns out to be the owner's."""

    pair: Allowance
    others: tuple[Allowance, ...]

    def succeeded(self) -> None:
        """The pair starts anew. The rest gets one try back and no more, or somebody's own account would reset it."""
        forget(self.pair)
        give_back(list(self.others))


def take_try(subject: str, user: User | None, place: Place, *, kind: str) -> Taken:
    """Take one try on `subject` (what was typed as a name, or an account's second step), or raise TooManyRequests.

    Before any password is looked at: of many tries at once no more get through than the allowance holds.
    """
    known_device = place.device is not None and user is not None and place.device.knows(user.public_id)
    where = f"device:{place.device.id}" if place.device and known_device else network_of(place.address)
    pair = Allowance(PAIR, f"{subject}\x00{where}")
    is_known = known_device | _signed_in_lately(user, place.address)
    others = () if is_known else (Allowance(ACCOUNT, subject), Allowance(NETWORK, network_of(place.address)))
    taken = Taken(pair, others)
    try:
        take_all([pair, *others])
    except TooManyRequests:
        if try_take(TOLD, pair.of):
            with transaction.atomic():
                record(sign_in_failed(user, reason="throttled", kind=kind))
        raise
    return taken


def subject_of(login: str) -> str:
    return f"name:{login.strip().casefold()}"


def _signed_in_lately(user: User | None, address: str | None) -> bool:
    """Asked for nobody too, so that it takes as long."""
    since = timezone.now() - LATELY
    return (
        Session.objects.filter(
            user_id=user.pk if user else 0, address=address or None, started_at__gt=since
        ).exists()
        and address is not None
    )
