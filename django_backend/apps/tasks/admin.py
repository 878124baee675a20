"""The operators' view of tasks: reading only."""

from django.contrib import admin

from apps.common.admin_site import ReadOnlyAdmin
from apps.tasks.models import Comment, Delivery, History, Project, Task


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("key", "name", "team", "visibility", "archived_at")
    list_filter = ("visibility",)
    search_fields = ("key", "name")


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    list_display = ("ref", "title", "status", "priority", "due_at", "updated_at")
    list_filter = ("category", "priority")
    list_select_related = ("project", "status")
    search_fields = ("title",)
    show_full_result_count = False


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    list_display = ("id", "task", "author", "created_at", "deleted_at")
    list_select_related = ("task", "author")
    show_full_result_count = False


@admin.register(History)
class HistoryAdmin(ReadOnlyAdmin):
    list_display = ("task_id", "version", "type", "actor_id", "at")
    list_filter = ("type",)
    search_fields = ("=task_id",)
    show_full_result_count = False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "recipient", "state", "attempts", "run_at", "sent_at", "reason")
    list_filter = ("state", "kind")
    list_select_related = ("recipient",)
    show_full_result_count = False
