"""The marks of the design: icons, status boxes, priority tallies, people, time in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.common.pages.markdown import render_markdown
from apps.common.pages.words import Due, due_words, moment_words

register = template.Library()

# A status's category -> the key of its glyph and ink.
STATUS_GLYPHS = {
    "todo": "todo",
    "in_progress": "progress",
    "blocked": "blocked",
    "done": "done",
    "cancelled": "cancelled",
}
ICON = '<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>'


class Person(Protocol):
    display_name: str
    initials: str
    tint: int


def zone_of(context: Context) -> ZoneInfo:
    """The reader's zone; UTC where nobody is signed in."""
    return ZoneInfo(getattr(context.get("user"), "time_zone", None) or "UTC")


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(ICON, name)


@register.simple_tag
def status_mark(name: str, category: str) -> SafeString:
    """The box in its state of being filled, and the status's name."""
    glyph = STATUS_GLYPHS[category]
    return format_html('<span class="st st-{}">' + ICON + "{}</span>", glyph, f"st-{glyph}", name)


@register.simple_tag
def priority_mark(key: str) -> SafeString:
    """Tally strokes and the word."""
    return format_html('<span class="pr pr-{}">' + ICON + "{}</span>", key, f"pr-{key}", key.capitalize())


@register.simple_tag
def avatar(person: Person, size: str = "") -> SafeString:
    """The round mark of a person. Hidden from screen readers: the name stands beside it or in an .sr text."""
    return format_html(
        '<span class="av av-{}{}" title="{}" aria-hidden="true">{}</span>',
        person.tint,
        f" {size}" if size else "",
        person.display_name,
        person.initials,
    )


def due_of(task: Any, now: datetime, zone: ZoneInfo) -> Due:
    return due_words(task.due_date, task.due_at, task.due_time, closed=task.is_closed, now=now, zone=zone)


@register.simple_tag(takes_context=True)
def due_mark(context: Context, task: Any) -> SafeString:
    """When a task is due, in words."""
    due = due_of(task, timezone.now(), zone_of(context))
    if due.state == "none":
        return format_html('<span class="due none">{}</span>', due.words)
    clock = format_html(ICON, "clock") if due.state == "late" else ""
    title = f"Was due {task.due_date}" if due.state == "late" else str(task.due_date)
    return format_html(
        '<span class="due {}">{}<time datetime="{}" title="{}">{}</time></span>',
        due.state,
        clock,
        task.due_date.isoformat(),
        title,
        due.words,
    )


@register.simple_tag(takes_context=True)
def moment(context: Context, at: datetime) -> SafeString:
    """A moment in words, with the exact one in the tooltip."""
    zone = zone_of(context)
    exact = at.astimezone(zone)
    return format_html(
        '<time datetime="{}" title="{}" data-moment>{}</time>',
        at.isoformat(),
        f"{exact:%Y-%m-%d %H:%M} {exact.tzname()}",
        moment_words(at, timezone.now(), zone),
    )


@register.filter
def markdown(text: str) -> SafeString:
    """What people wrote, as HTML. The one place where text is declared safe: render_markdown has cleaned it."""
    return mark_safe(render_markdown(text))


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """The page's own query string with `changes`; a None takes a key away. A cursor never survives a change."""
    values = context["request"].GET.copy()
    values.pop("cursor", None)
    for key, value in changes.items():
        values.pop(key, None)
        if value is not None:
            values[key] = str(value)
    return "?" + urlencode(list(values.lists()), doseq=True)
