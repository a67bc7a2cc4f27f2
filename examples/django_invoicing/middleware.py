"""The project's own middleware: headers of its pages, sign-ins that have ended, and pages for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.shortcuts import render

from magiclink import BadArgumentError, ReissueRefusedError, UnavailableError

from .billing import PaidError
from .sign_ins import has_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    GetResponse = Callable[[HttpRequest], HttpResponse]

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}
_ERRORS: dict[type[Exception], tuple[int, str]] = {
    BadArgumentError: (400, "That cannot be taken"),
    BadRequest: (400, "That cannot be taken"),
    PaidError: (409, "No mail any more"),
    ReissueRefusedError: (409, "No fresh link now"),
    UnavailableError: (503, "Please try again in a minute"),
}


class HeaderMiddleware:
    """Sets headers on every page but those of the admin, which has scripts."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set each header that the view has not set."""
        response = self._get_response(request)
        if request.resolver_match is None or request.resolver_match.app_name != "admin":
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
        return response


class SignInMiddleware:
    """Signs a user out as soon as the link that signed them in has ended."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Ask the library whether the sign-in still stands."""
        try:
            if has_ended(request):
                logout(request)
        except UnavailableError as error:
            return explain(request, error)
        return self._get_response(request)


class ErrorMiddleware:
    """Answers errors that a user can understand with a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response of the view."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page of an error, or leave it to Django."""
        return explain(request, exception) if isinstance(exception, tuple(_ERRORS)) else None


def explain(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the page of an error."""
    status, title = next(answer for kind, answer in _ERRORS.items() if isinstance(error, kind))
    context = {"title": title, "text": str(error), "retry_at": getattr(error, "retry_at", None)}
    return render(request, "invoicing/error.html", context, status=status)
