"""What arrives in which room, for whom, once and in order."""

from __future__ import annotations

from apps.tasks.services import comments, tasks


def make(actor, title, project=None, **values):
    return tasks.create_task(actor=actor, title=title, project_id=project.pk if project else None, **values)


def test_a_task_created_elsewhere_arrives_with_what_it_shows(cast, open_page):
    page = open_page(cast.member)
    page.subscribe("me")
    task = make(cast.owner, "Write the release note", cast.project)
    event = page.until("event", room="me")
    assert event["event"]["type"] == "task.created"
    assert event["event"]["aggregate"] == f"task:{task.pk}"
    assert event["event"]["actor"] == {"id": cast.owner.pk, "name": "Olga"}
    assert event["task"]["key"] == task.key
    assert event["task"]["title"] == "Write the release note"
