"""People, teams and sessions for operators: to look at. Changes go through the services."""

from __future__ import annotations

from django.contrib import admin

from apps.common.admin_site import ReadOnlyAdmin
from apps.users.models import Session, Team, TeamMember, User


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ("display_name", "username", "email", "is_active", "is_staff", "joined_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("display_name", "username", "email")
    ordering = ("id",)
    exclude = ("password", "groups", "user_permissions")


class MembersInline(admin.TabularInline):
    model = TeamMember
    extra = 0
    can_delete = False
    fields = ("user", "role", "joined_at")

    def has_view_permission(self, request: object, obj: object = None) -> bool:
        return True  # the page around it has asked already

    def has_add_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "time_zone", "created_at")
    search_fields = ("name", "slug")
    ordering = ("id",)
    inlines = (MembersInline,)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "scope", "started_at", "last_used_at", "ended_at", "ended_because")
    list_filter = ("kind", "scope")
    list_select_related = ("user",)
    ordering = ("-started_at",)
