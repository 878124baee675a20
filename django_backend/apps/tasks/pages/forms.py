"""What people type, as plain values. The services decide what is allowed; these only read."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.common.errors import DomainError, IdempotencyMismatch
from apps.tasks import selectors
from apps.tasks.models.comment import BODY_LENGTH
from apps.tasks.models.task import PRIORITY_KEYS, TITLE_LENGTH
from apps.tasks.services.tasks import DESCRIPTION_LENGTH
from apps.users.models import User

SENT_BEFORE = "You sent this form before with something else in it. Look it over and send it again."


def add_problem(form: forms.Form, problem: DomainError) -> None:
    """Show a refusal of the domain in the form: beside its fields where it names them, else on top."""
    for name, sentences in problem.fields.items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)
    if not problem.fields:
        form.add_error(None, problem_sentence(problem))


def problem_sentence(problem: DomainError) -> str:
    return SENT_BEFORE if isinstance(problem, IdempotencyMismatch) else problem.detail


class TaskForm(forms.Form):
    """Makes a task. Built for its reader: they choose among their projects and people."""

    title = forms.CharField(
        max_length=TITLE_LENGTH,
        error_messages={
            "required": "Give it a title, so others can find it.",
            "max_length": f"Keep the title to {TITLE_LENGTH} characters; the description takes the rest.",
        },
    )
    description = forms.CharField(
        required=False,
        strip=False,
        max_length=DESCRIPTION_LENGTH,
        error_messages={"max_length": f"Keep the description to {DESCRIPTION_LENGTH:,} characters."},
    )
    project = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        error_messages={"invalid_choice": "Choose one of your projects, or none."},
    )
    priority = forms.ChoiceField(choices=[(key, key.capitalize()) for key in reversed(PRIORITY_KEYS)])
    due_date = forms.DateField(
        required=False, error_messages={"invalid": "Write the date as year-month-day, like 2026-11-26."}
    )
    due_time = forms.TimeField(
        required=False, error_messages={"invalid": "Write the time as hours:minutes, like 17:30."}
    )
    assignees = forms.TypedMultipleChoiceField(
        required=False, coerce=int, error_messages={"invalid_choice": "Choose people from the list."}
    )

    def __init__(self, reader: User, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.people = list(selectors.assignable_people(reader, None))
        projects = selectors.projects_to_create_in(reader)
        self.field("project").choices = [
            ("", "None: a personal task"),
            *((project.pk, f"{project.key} {project.name}") for project in projects),
        ]
        self.field("assignees").choices = [(person.pk, person.display_name) for person in self.people]

    def field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    @property
    def chosen_people(self) -> set[str]:
        """Ids, as text, of those that were ticked."""
        return {str(value) for value in (self["assignees"].value() or [])}


class CommentForm(forms.Form):
    body = forms.CharField(
        strip=False,
        max_length=BODY_LENGTH,
        error_messages={
            "required": "Write something first.",
            "max_length": f"Keep a comment to {BODY_LENGTH:,} characters.",
        },
    )


class ChoiceForm(forms.Form):
    """One choice among ids. `service_name` is what the service calls it."""

    service_name: str

    @property
    def chosen(self) -> dict[str, int]:
        """The service's argument, once the form is valid."""
        ((_, value),) = self.cleaned_data.items()
        return {self.service_name: value}

    @property
    def first_error(self) -> str:
        return next(str(sentence) for sentences in self.errors.values() for sentence in sentences)


class StatusForm(ChoiceForm):
    service_name = "status_id"
    status = forms.IntegerField(
        error_messages={"required": "Choose a status.", "invalid": "Choose a status."}
    )


class PersonForm(ChoiceForm):
    service_name = "user_id"
    user = forms.IntegerField(error_messages={"required": "Choose a person.", "invalid": "Choose a person."})
