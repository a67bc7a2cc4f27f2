"""What a Flask request says, as the conversation's Request. What may not happen here: a verdict about any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge

from flask import request

from ..web.http import MAX_FORM_BYTES, Request
from ..web.languages import parse_accept_language

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..web.http import Pairs


def read(path: str, form: Pairs | None, *, signed_in_as: str | None, language: Callable[[], object] | None) -> Request:
    """Return what the current request says; `path` and `form` are empty for a page of the app's own."""
    chosen = None if language is None else language()
    preferred = parse_accept_language(request.headers.get("Accept-Language", ""))
    return Request(
        method=request.method,
        path=path,
        query=tuple(request.args.items(multi=True)),
        form=form,
        headers={name.lower(): value for name, value in request.headers.items()},
        cookies=request.cookies,
        source=request.remote_addr,
        signed_in_as=signed_in_as,
        languages=preferred if chosen is None else (str(chosen), *preferred),
    )


def read_form() -> Pairs | None:
    """Return the fields of the current request's form; None where it's too large to be read."""
    request.max_content_length = MAX_FORM_BYTES
    try:
        return tuple(request.form.items(multi=True))
    except RequestEntityTooLarge:
        return None
