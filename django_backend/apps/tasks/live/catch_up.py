"""Subscribing: first into the room, then what was missed, then live, with no gap and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from apps.common.errors import NotFound
from apps.tasks.live import frames
from apps.tasks.live.facts import Fact, View, read_backlog, read_head
from apps.tasks.live.frames import Resume
from apps.tasks.live.rights import Reader
from apps.tasks.live.rooms import Room, Subscription
from apps.tasks.live.shown import load_shown
from apps.tasks.live.threads import read
from apps.tasks.selectors import get_task
from apps.users.models import User

if TYPE_CHECKING:
    from apps.tasks.live.hub import Hub
    from apps.tasks.live.outbox import Outbox

PORTION = 50  # events rendered at a time


async def enter(
    hub: Hub, room: Room, reader: Reader, outbox: Outbox, resume: Resume | None
) -> tuple[Subscription, str | None]:
    """Take the reader into the room, by rights read now. From here on nothing that happens there is missed.

    The text beside the subscription is the reason why the client must be reset instead of resumed, if there is one.
    Raises NotFound where the room's object is absent or out of the reader's sight: the answer is the same.
    """
    await hub.rights.renew(reader.user_id)
    project_id = (
        await read(_project_of_task, reader.user_id, room.object_id or 0) if room.kind == "task" else None
    )
    is_ahead = resume is not None and await _is_ahead_of_the_log(hub, resume)
    # No pause from here: the tailer's place, the reason and the entering belong to one moment.
    reason = _why_not_resumable(hub, reader, resume, is_ahead) if resume else None
    known = resume.seq if resume and reason != "era" else 0
    subscription = Subscription(
        room,
        reader,
        outbox,
        entered_at=hub.tailer.seq,
        floor=max(hub.tailer.seq, known),
        task_project=project_id,
    )
    if not hub.is_in_sight(subscription):
        raise NotFound
    hub.rooms.enter(subscription)
    return subscription, reason


async def catch_up(hub: Hub, subscription: Subscription, resume: Resume | None, reason: str | None) -> None:
    """Send what came between `resume` and the moment of entering, what has waited since, and `subscribed`."""
    if resume is not None and reason is None:
        reason = await _send_backlog(subscription, resume)
    await _send_waiting(hub, subscription, reason)


async def _is_ahead_of_the_log(hub: Hub, resume: Resume) -> bool:
    """Another process may be ahead of this one, but nobody is ahead of the log."""
    return resume.seq > hub.tailer.seq and resume.seq > (await read(read_head)).seq


def _why_not_resumable(hub: Hub, reader: Reader, resume: Resume, is_ahead: bool) -> str | None:
    if resume.era != hub.tailer.era or is_ahead:
        return "era"
    return "rights" if resume.epoch != reader.rights.epoch else None


async def _send_backlog(subscription: Subscription, resume: Resume) -> str | None:
    """Send what was missed, by today's rights; the reason for a reset where it is too much."""
    reader = subscription.reader
    view = View(reader.user_id, tuple(reader.project_ids), with_personal=reader.narrowed_to is None)
    facts = await read(read_backlog, subscription.room, view, resume.seq, subscription.entered_at)
    if facts is None:
        return "backlog"
    for portion in _portions(facts):
        shown = await read(load_shown, portion)
        for fact in portion:
            frame = shown[fact.seq].frame_for(subscription) if fact.seq in shown else None
            if frame is not None and subscription.is_open:
                await subscription.outbox.room()
                subscription.outbox.put(frame)
    return None


async def _send_waiting(hub: Hub, subscription: Subscription, reason: str | None) -> None:
    """Let out what happened meanwhile; the step to live and the last look at what waits are one."""
    room, rights, waiting = subscription.room, subscription.reader.rights, subscription.waiting
    assert waiting is not None
    if reason is not None:
        waiting.appendleft(frames.reset(room, reason, rights.epoch, hub.tailer.era))
    while waiting:
        await subscription.outbox.room()
        subscription.outbox.put(waiting.popleft())
    subscription.waiting = None
    if not subscription.is_open:
        return
    if subscription.overflowed:
        subscription.outbox.put(frames.reset(room, "backlog", rights.epoch, hub.tailer.era))
    seq = max(hub.tailer.seq, subscription.floor)
    subscription.outbox.put(frames.subscribed(room, seq, rights.epoch, hub.tailer.era))


def _project_of_task(user_id: int, task_id: int) -> int | None:
    """The project of a task that the person may see, None for a personal one; raises NotFound."""
    person = User.objects.filter(pk=user_id, is_active=True).first()
    if person is None:
        raise NotFound
    return get_task(person, task_id).project_id


def _portions(facts: Sequence[Fact]) -> Iterator[Sequence[Fact]]:
    for start in range(0, len(facts), PORTION):
        yield facts[start : start + PORTION]
