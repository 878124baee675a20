"""The admin site: for staff, signed in through the ordinary door; reading only, changes go through services."""

from __future__ import annotations

from typing import Any, NoReturn

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class DaybookAdminSite(admin.AdminSite):
    site_header = "Daybook"
    site_title = "Daybook admin"
    index_title = "For operators"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One sign-in for all doors: sessions, limits and events are made there."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:  # signing in again would not help, and would lead round in a circle
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), login_url="sign-in")

    def logout(  # type: ignore[override]  # a redirect does as well
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One sign-out too: Django's own would only drop the cookie and leave the session alive."""
        return redirect("sign-out", preserve_request=True)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> NoReturn:
        """Passwords change through a service, not by a form that writes the row itself."""
        raise Http404


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
