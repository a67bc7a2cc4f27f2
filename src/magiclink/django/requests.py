"""A Django request as the conversation's Request.

The address of a request is stripped here before anything can fail: Django writes it into logs, error reports and
redirects, and ours holds a token. Nothing is judged here.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, RawPostDataException, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import get_language
from django.views.debug import get_exception_reporter_filter

from ..errors import ConfigurationError
from ..web.http import MAX_FORM_BYTES, Pairs, Request
from ..web.languages import parse_accept_language

_ADDRESSES = ("PATH_INFO", "PATH_TRANSLATED", "RAW_URI", "REDIRECT_URL", "REQUEST_URI", "SCRIPT_URI", "SCRIPT_URL")
"""Where servers leave the path of a request, besides Django's own attributes."""

_OURS = "|magiclink-"
"""Added to the pattern of names whose values Django's error reports hide: it matches our cookies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The path below the mount, and the query; the repr shows neither, since they may hold a token."""

    path: str = field(default="", repr=False)
    query: Pairs = field(default=(), repr=False)


def hide_cookies(request: HttpRequest) -> None:
    """Keep our cookies out of Django's error reports: whoever reads one could open what this browser has open."""
    current = get_exception_reporter_filter(request)
    if _OURS not in current.hidden_settings.pattern:
        extended = copy(current)
        extended.hidden_settings = re.compile(current.hidden_settings.pattern + _OURS, re.IGNORECASE)
        request.exception_reporter_filter = extended


def strip_address(request: HttpRequest, mount: str) -> Address:
    """Remove the path below the mount and the query from a request, and return them; it then shows the mount alone.

    A second call returns what the first one removed. Raises ConfigurationError for a request outside the mount.
    """
    stripped: Address | None = getattr(request, "_magiclink_address", None)
    if stripped is not None:
        return stripped
    path, query = request.path_info, request.META.get("QUERY_STRING", "")
    hide_cookies(request)
    _overwrite(request, mount)
    if not path.startswith(mount):
        raise ConfigurationError(
            "magiclink.django.urls are included at another path than that of base_url: "
            f'write path("{mount.lstrip("/")}", include("magiclink.django.urls")) in ROOT_URLCONF'
        )
    address = Address(path=path.removeprefix(mount), query=tuple(parse_qsl(query, keep_blank_values=True)))
    request._magiclink_address = address  # type: ignore[attr-defined]
    return address


def _overwrite(request: HttpRequest, mount: str) -> None:
    request.path_info = mount
    request.path = read_root(request).rstrip("/") + mount
    for name in _ADDRESSES:
        if name in request.META:
            request.META[name] = request.path
    # Other libraries read the path here, whether the server has set it or not.
    request.META["PATH_INFO"] = mount
    request.META["QUERY_STRING"] = ""
    vars(request).pop("GET", None)
    # ASGI servers write their access logs from it after the response.
    getattr(request, "scope", {}).update(path=request.path, raw_path=request.path.encode(), query_string=b"")


def read_root(request: HttpRequest) -> str:
    """Return the path at which the server has this application."""
    return str(request.META.get("SCRIPT_NAME") or "")


def read(request: HttpRequest, address: Address, *, form: Pairs | None = (), signed_in_as: str | None) -> Request:
    """Return the conversation's Request; `address` is what was stripped, an empty one for a page of the site's own."""
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


def read_form(request: HttpRequest) -> Pairs | None:
    """Return the fields of a form: none if it can't be read, None if it is too large or has too many."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FORM_BYTES or len(_read_body(request)) > MAX_FORM_BYTES:
            return None
        if request.content_type == "application/x-www-form-urlencoded":
            # Not request.POST, which decodes by whatever charset the request names.
            return tuple(parse_qsl(_read_body(request).decode(), keep_blank_values=True))
        return tuple((name, str(value)) for name, values in request.POST.lists() for value in values)
    except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
        return None
    except (BadRequest, MultiPartParserError, UnreadablePostError, ValueError):
        return ()


def _read_body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RawPostDataException:
        # A middleware has read the stream; the fields that Django parsed from it are still there.
        return b""
