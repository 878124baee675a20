"""Time in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.common.pages.words import day_words, due_words, moment_words

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)  # a Tuesday
VIENNA = ZoneInfo("Europe/Vienna")
AUCKLAND = ZoneInfo("Pacific/Auckland")


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=-3), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=5, seconds=59), "5 min ago"),
        (timedelta(hours=1), "today, 10:30"),
        (timedelta(hours=12), "yesterday, 23:30"),
        (timedelta(days=8), "Mon 16 Nov"),
        (timedelta(days=400), "Mon 20 Oct 2025"),
    ],
)
def test_moments_are_told_from_now_then_by_day(ago, words):
    assert moment_words(NOW - ago, NOW, VIENNA) == words


def test_the_year_is_told_only_where_it_is_another():
    assert day_words(date(2026, 1, 5), date(2026, 11, 24)) == "Mon 5 Jan"
    assert day_words(date(2027, 1, 5), date(2026, 11, 24)) == "Tue 5 Jan 2027"


def due(day, clock=None, closed=False, zone=VIENNA, now=NOW):
    if day is None:
        return due_words(None, None, None, closed=closed, now=now, zone=zone)
    at = datetime.combine(day, clock or time(0), tzinfo=UTC) + (timedelta() if clock else timedelta(days=1))
    return due_words(day, at, clock, closed=closed, now=now, zone=zone)


@pytest.mark.parametrize(
    ("day", "words", "state", "group"),
    [
        (None, "No date", "none", "none"),
        (date(2026, 11, 20), "4 days late", "late", "late"),
        (date(2026, 11, 23), "1 day late", "late", "late"),
        (date(2026, 11, 24), "Today", "today", "today"),
        (date(2026, 11, 25), "Tomorrow", "", "week"),
        (date(2026, 11, 29), "Sun 29 Nov", "", "week"),
        (date(2026, 11, 30), "Mon 30 Nov", "", "later"),
    ],
)
def test_due_dates_by_how_near_they_are(day, words, state, group):
    told = due(day)
    assert (told.words, told.state, told.group) == (words, state, group)


def test_a_finished_task_is_never_late():
    told = due(date(2026, 11, 20), closed=True)
    assert (told.words, told.state) == ("Fri 20 Nov", "")


def test_a_time_of_day_is_told_in_the_readers_zone_and_may_fall_on_another_day():
    told = due(date(2026, 11, 24), time(14, 0), zone=AUCKLAND)
    assert (told.words, told.group) == ("Tomorrow, 03:00", "week") or told.words == "Wed 25 Nov, 03:00"
    assert due(date(2026, 11, 24), time(10, 0)).words == "Late since 11:00"


def test_a_task_that_ends_in_another_zones_night_is_not_late_before_that():
    """In Auckland it is Wednesday already; the team's Tuesday has hours to go."""
    told = due(date(2026, 11, 24), zone=AUCKLAND, now=datetime(2026, 11, 24, 13, 0, tzinfo=UTC))
    assert (told.words, told.state, told.group) == ("Yesterday", "", "today")
