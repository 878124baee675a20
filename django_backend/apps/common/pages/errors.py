"""The domain's errors as pages: absent is 404, not allowed is 403, the rest a page that says what to do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import structlog
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control

from apps.common.errors import DomainError, Forbidden, NotFound

View = Callable[..., HttpResponse]


def signed_in_page(view: View) -> View:
    """A page for people who are signed in; what the domain refuses becomes an error page.

    No shared cache keeps it. The browser may for its Back button, so that what was typed is still there.
    """

    @cache_control(private=True, no_cache=True)
    @login_required
    @functools.wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotFound as problem:
            raise Http404(problem.detail) from problem
        except Forbidden as problem:
            raise PermissionDenied(problem.detail) from problem
        except DomainError as problem:
            return problem_page(request, problem)

    return page


def problem_page(request: HttpRequest, problem: DomainError) -> HttpResponse:
    """Any other refusal, where there is no form to show it in."""
    return render(request, "common/problem.html", {"problem": problem}, status=problem.status)


def server_error(request: HttpRequest) -> HttpResponse:
    """The 500 page, with the request's id to quote. Touches no database: that may be what broke."""
    number = structlog.contextvars.get_contextvars().get("request_id", "")
    return render(request, "500.html", {"number": number, "user": None}, status=500)
