from django.urls import path, register_converter

from apps.tasks.pages import views


class RefConverter:
    """A task's key (OPS-42) or id."""

    regex = "[A-Za-z][A-Za-z0-9]{1,9}-[0-9]+|[0-9]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return str(value)


class IdConverter:
    """A number that may be an id. What PostgreSQL could not hold is answered by the selectors as absent."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(RefConverter, "ref")
register_converter(IdConverter, "id")

urlpatterns = [
    path("", views.home, name="home"),
    path("tasks/", views.task_list, name="task-list"),
    path("tasks/new/", views.task_new, name="task-new"),
    path("tasks/<ref:ref>/", views.task_page, name="task"),
    path("tasks/<ref:ref>/status/", views.task_status, name="task-status"),
    path("tasks/<ref:ref>/assign/", views.task_assign, name="task-assign"),
    path("tasks/<ref:ref>/unassign/", views.task_unassign, name="task-unassign"),
    path("tasks/<ref:ref>/comments/", views.comment_add, name="comment-add"),
    path("tasks/<ref:ref>/comments/<id:comment_id>/edit/", views.comment_edit, name="comment-edit"),
    path("tasks/<ref:ref>/comments/<id:comment_id>/delete/", views.comment_delete, name="comment-delete"),
    path("activity/", views.activity, name="activity"),
    path("inbox/", views.inbox, name="inbox"),
]
