from __future__ import annotations

import uuid
from typing import Any

import pytest


@pytest.fixture
def task(cast: Any) -> Any:
    from apps.tasks.services.tasks import create_task

    return create_task(
        actor=cast.member,
        title="Print the door list",
        description="As a *plain* PDF.",
        project_id=cast.project.pk,
    )


@pytest.fixture
def key() -> str:
    """What a form carries as its hidden idempotency_key."""
    return str(uuid.uuid4())
