"""What views return, besides pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseRedirect
from django.shortcuts import resolve_url


class SeeOther(HttpResponseRedirect):
    """Redirects after a form, so that the browser goes on by GET."""

    status_code = 303

    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__(resolve_url(name, **arguments))
