"""How often a thing may be tried: allowances that refill, kept in PostgreSQL and shared by every door.

A refusal is decided by one SELECT and writes nothing. What passes is taken by a conditional upsert, so that of many
who come at once no more get through than the allowance holds.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from apps.common.auth.live import digest_of
from apps.common.errors import TooManyRequests
from apps.users.models import RateLimit


@dataclass(frozen=True, slots=True)
class Rule:
    """`burst` tries at once; after that one more each time `every` has passed."""

    name: str
    burst: int
    every: timedelta

    @property
    def whole(self) -> timedelta:
        return self.every * self.burst


REGISTER = Rule("register", 30, timedelta(minutes=2))
REFRESH_BY_ADDRESS = Rule("refresh:from", 300, timedelta(seconds=1))
REFRESH_BY_FAMILY = Rule("refresh:family", 20, timedelta(seconds=30))
RESET_BY_ADDRESS = Rule("reset:from", 10, timedelta(minutes=3))
RESET_BY_ACCOUNT = Rule("reset:to", 3, timedelta(minutes=10))
INVITE = Rule("invite", 50, timedelta(minutes=1))
MAIL_ME = Rule("mail-me", 5, timedelta(minutes=10))

TAKE = """
INSERT INTO users_ratelimit (key, empty_at) VALUES (%(key)s, %(now)s + make_interval(secs => %(every)s))
ON CONFLICT (key) DO UPDATE
SET empty_at = greatest(users_ratelimit.empty_at, %(now)s) + make_interval(secs => %(every)s)
WHERE greatest(users_ratelimit.empty_at, %(now)s) <= %(now)s + make_interval(secs => %(whole)s - %(every)s)
RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A rule, and whom it counts (an address, an account, a pair of them)."""

    rule: Rule
    of: str

    @property
    def key(self) -> bytes:
        return digest_of(f"{self.rule.name}\x00{self.of}")


def enforce(rule: Rule, of: str | int | None) -> None:
    """Take one try, or raise TooManyRequests. Commits by itself where the caller has no transaction open."""
    take_all([Allowance(rule, str(of))])


def take_all(allowances: list[Allowance]) -> None:
    """One try of each; if any has none left, TooManyRequests is raised before anything is written."""
    now = timezone.now()
    refuse_if_used_up(allowances, now)
    for allowance in allowances:
        if not _take(allowance, now):
            raise TooManyRequests(retry_after=math.ceil(allowance.rule.every.total_seconds()))


def try_take(rule: Rule, of: str) -> bool:
    """Whether there was one left: for things that are then simply not done, such as telling of a refusal again."""
    try:
        enforce(rule, of)
    except TooManyRequests:
        return False
    return True


def give_back(allowances: list[Allowance]) -> None:
    """What was taken for a try that then counted for nothing."""
    for allowance in allowances:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE users_ratelimit SET empty_at = empty_at - make_interval(secs => %s) WHERE key = %s",
                [allowance.rule.every.total_seconds(), allowance.key],
            )


def forget(*allowances: Allowance) -> None:
    """Whoever it counts starts anew."""
    RateLimit.objects.filter(key__in=[allowance.key for allowance in allowances]).delete()


def refuse_if_used_up(allowances: list[Allowance], now: datetime) -> None:
    """Raise TooManyRequests with the longest wait of those that have nothing left."""
    used = {
        bytes(key): empty_at
        for key, empty_at in RateLimit.objects.filter(
            key__in=[allowance.key for allowance in allowances]
        ).values_list("key", "empty_at")
    }
    waits = [
        used[allowance.key] + allowance.rule.every - now - allowance.rule.whole
        for allowance in allowances
        if allowance.key in used
    ]
    longest = max(waits, default=timedelta(0))
    if longest > timedelta(0):
        raise TooManyRequests(retry_after=math.ceil(longest.total_seconds()))


def network_of(address: str | None) -> str:
    """Whom an address counts as: itself, or for IPv6 the network that one household has (/64)."""
    if not address:
        return "nowhere"
    parsed = ipaddress.ip_address(address)
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _take(allowance: Allowance, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE,
            {
                "key": allowance.key,
                "now": now,
                "every": allowance.rule.every.total_seconds(),
                "whole": allowance.rule.whole.total_seconds(),
            },
        )
        return cursor.fetchone() is not None
