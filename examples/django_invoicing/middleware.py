"""The project's own middleware: headers of its pages, sign-ins that have ended, and errors in words."""

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
_PAGES: dict[type[Exception], tuple[int, str]] = {
    BadArgumentError: (400, "That cannot be taken"),
    BadRequest: (400, "That cannot be taken"),
    PaidError: (409, "No mail any more"),
    ReissueRefusedError: (409, "No fresh link now"),
    UnavailableError: (503, "Please try again in a minute"),
}


class PageHeaders:
    """Gives every page headers, save for those of the admin, which has scripts."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the response say more, if it doesn't itself."""
        response = self._get_response(request)
        if request.resolver_match is None or request.resolver_match.app_name != "admin":
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
        return response


class SignInsEnd:
    """Signs out whom a link signed in, as soon as what the sign-in stands on has ended."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Ask the library about who is signed in by a link."""
        try:
            if has_ended(request):
                logout(request)
        except UnavailableError as error:
            return explained(request, error)
        return self._get_response(request)


class Explained:
    """Answers errors that somebody may read about with a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the answer of the view."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page of an error, or leave it to Django."""
        return explained(request, exception) if isinstance(exception, tuple(_PAGES)) else None


def explained(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the page of an error."""
    status, title = next(page for kind, page in _PAGES.items() if isinstance(error, kind))
    facts = {"title": title, "text": str(error), "retry_at": getattr(error, "retry_at", None)}
    return render(request, "invoicing/error.html", facts, status=status)
