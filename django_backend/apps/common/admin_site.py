"""The admin site: for staff, signed in through the ordinary door; reading only, changes go through services."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse


class DaybookAdminSite(admin.AdminSite):
    site_header = "Daybook"
    site_title = "Daybook admin"
    index_title = "For operators"

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One sign-in for all doors: sessions, limits and events are made there."""
        return redirect_to_login(request.get_full_path(), login_url="sign-in")


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and shows; staff may look without a permission row per model, nobody may change by form."""

    actions = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
