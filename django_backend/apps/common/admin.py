"""The operators' view of the stream: events, positions, dead letters, job runs. Reading only."""

from django.contrib import admin

from apps.common.admin_site import ReadOnlyAdmin
from apps.common.models import DeadLetter, EventRow, JobRun


@admin.register(EventRow)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("id", "type", "aggregate_type", "aggregate_id", "version", "actor", "occurred_at")
    search_fields = ("=aggregate_id", "=event_id")
    ordering = ("-id",)
    exclude = ("payload",)
    show_full_result_count = False


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    list_display = ("id", "group", "event_type", "code", "parked", "at", "resolved_at")
    list_filter = ("group", "parked")


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    list_display = ("name", "period", "attempts", "started_at", "finished_at")
    list_filter = ("name",)
