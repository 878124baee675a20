"""People, teams and sessions for operators: to look at. Changes go through the services."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin

from apps.common.admin_site import ReadOnlyAdmin
from apps.users.models import AccountMail, ApiToken, Session, Team, TeamMember, User


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


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "ending", "owner", "scope", "project", "last_used", "ends", "ended")
    list_select_related = ("session__user",)
    search_fields = ("name", "session__user__username")
    ordering = ("-session__started_at",)
    fields = ("name", "ending", "made_by", "owner", "scope", "project", "last_used", "ends", "ended")
    readonly_fields = ("owner", "scope", "project", "last_used", "ends", "ended")

    @admin.display(description="owner")
    def owner(self, token: ApiToken) -> User:
        return token.session.user

    @admin.display(description="scope")
    def scope(self, token: ApiToken) -> str:
        return token.session.scope

    @admin.display(description="project")
    def project(self, token: ApiToken) -> int | None:
        return token.session.project_id

    @admin.display(description="last used")
    def last_used(self, token: ApiToken) -> datetime | None:
        return token.last_used_at

    @admin.display(description="ends")
    def ends(self, token: ApiToken) -> datetime:
        return token.session.expires_at

    @admin.display(description="ended")
    def ended(self, token: ApiToken) -> datetime | None:
        return token.session.ended_at


@admin.register(AccountMail)
class AccountMailAdmin(ReadOnlyAdmin):
    list_display = ("kind", "address", "state", "attempts", "run_at", "sent_at", "reason")
    list_filter = ("state", "kind")
    search_fields = ("address",)
    ordering = ("-created_at",)
    exclude = ("link",)
