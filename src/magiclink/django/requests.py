"""What a Django request says, as the conversation's Request.

The address of a request is put away here before anything can fail: Django writes it into logs, error reports and
redirects, and ours holds a token. What may not happen here: a verdict about anything that was said.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import RawPostDataException, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import get_language
from django.views.debug import get_exception_reporter_filter

from ..errors import ConfigurationError
from ..web.http import MAX_FORM_BYTES, Request
from ..web.languages import parse_accept_language

if TYPE_CHECKING:
    from django.http import HttpRequest

    from ..web.http import Pairs

_ADDRESSES = ("PATH_INFO", "PATH_TRANSLATED", "RAW_URI", "REDIRECT_URL", "REQUEST_URI", "SCRIPT_URI", "SCRIPT_URL")
"""Where servers leave the path of a request, besides Django's own attributes."""

_OURS = "|magiclink-"
"""Names our cookies among what Django's error reports hide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What followed our own path, and the query: kept out of sight of whoever prints a request."""

    path: str = field(default="", repr=False)
    query: Pairs = field(default=(), repr=False)


def hide_cookies(request: HttpRequest) -> None:
    """Keep our cookies out of Django's error reports: whoever reads one could open what this browser has open."""
    chosen = get_exception_reporter_filter(request)
    if _OURS not in chosen.hidden_settings.pattern:
        hiding = copy(chosen)
        hiding.hidden_settings = re.compile(chosen.hidden_settings.pattern + _OURS, re.IGNORECASE)
        request.exception_reporter_filter = hiding


def put_away(request: HttpRequest, mount: str) -> Address:
    """Take what follows our path, and the query, off a request; from then on it is one for the bare path.

    Once is enough: a second call gives what the first one took. Raises ConfigurationError for a request from beside
    our path.
    """
    taken: Address | None = getattr(request, "_magiclink_address", None)
    if taken is not None:
        return taken
    path, query = request.path_info, request.META.get("QUERY_STRING", "")
    hide_cookies(request)
    _overwrite(request, mount)
    if not path.startswith(mount):
        raise ConfigurationError("magiclink.django.urls are included at another path than that of base_url")
    address = Address(path=path.removeprefix(mount), query=tuple(parse_qsl(query, keep_blank_values=True)))
    request._magiclink_address = address  # type: ignore[attr-defined]
    return address


def _overwrite(request: HttpRequest, mount: str) -> None:
    request.path_info = mount
    request.path = root_of(request).rstrip("/") + mount
    for name in _ADDRESSES:
        if name in request.META:
            request.META[name] = request.path
    # What is built on the path of the application reads it here.
    request.META["PATH_INFO"] = mount
    request.META["QUERY_STRING"] = ""
    vars(request).pop("GET", None)
    scope: dict[str, Any] = getattr(request, "scope", {})
    # Servers write their access logs from it once there is an answer.
    scope.update(path=request.path, raw_path=request.path.encode(), query_string=b"")


def root_of(request: HttpRequest) -> str:
    """Return the path at which the server has this application."""
    return str(request.META.get("SCRIPT_NAME") or "")


def read(request: HttpRequest, address: Address, *, form: Pairs | None = (), signed_in_as: str | None) -> Request:
    """Return what a request says; `address` is what was put away, nothing for a page of the site's own."""
    hide_cookies(request)
    return Request(
        method=request.method or "GET",
        path=address.path,
        query=address.query,
        form=form,
        headers={name.lower(): value for name, value in request.headers.items()},
        cookies=request.COOKIES,
        source=request.META.get("REMOTE_ADDR") or None,
        signed_in_as=signed_in_as,
        languages=(get_language() or "", *parse_accept_language(request.headers.get("Accept-Language", ""))),
    )


def form_of(request: HttpRequest) -> Pairs | None:
    """Return the fields of a form, none of what can't be read; None where it's too large, or has too many."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FORM_BYTES:
            return None
        body = _body(request)
        return _fields(request, body) if len(body) <= MAX_FORM_BYTES else None
    except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
        return None
    except (BadRequest, MultiPartParserError, UnreadablePostError, ValueError):
        return ()


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RawPostDataException:
        # A middleware has read it; the fields of what it parsed are there all the same.
        return b""


def _fields(request: HttpRequest, body: bytes) -> Pairs:
    if request.content_type == "application/x-www-form-urlencoded":
        # Not request.POST: a charset that the request names would be tried there.
        return tuple(parse_qsl(body.decode(), keep_blank_values=True))
    return tuple((name, str(value)) for name, values in request.POST.lists() for value in values)
