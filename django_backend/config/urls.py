"""Every address: health, keys, the API, the admin site, the pages."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views import defaults
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.common.api.problems import is_api_path, plain_problem
from apps.common.errors import NotFound
from apps.common.pages.errors import server_error

urlpatterns = [
    path("", include("apps.common.health.urls")),
    path(".well-known/", include("apps.common.auth.urls")),
    path("api/", include("apps.users.api.urls")),
    path("api/", include("apps.tasks.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema")),
    path("admin/", admin.site.urls),
    path("", include("apps.users.pages.urls")),
    path("", include("apps.tasks.pages.urls")),
]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An unknown address: a problem for API clients, a page for people."""
    if is_api_path(request):
        return plain_problem(NotFound())
    return defaults.page_not_found(request, exception)


handler500 = server_error
