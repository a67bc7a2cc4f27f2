"""What a view must be that a link opens, checked where it is decorated and not at its first request."""

from __future__ import annotations

import re
from inspect import Parameter, signature
from string import Formatter
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FOR_CACHES = re.compile(
    "age|edge-control|expires|pragma|surrogate-control|x-accel-expires|.*cache-control", re.IGNORECASE
)
"""The headers by which a cache may be asked to keep a page (RFC 9111; RFC 9213: `CDN-Cache-Control` and its like).

Some stand above Cache-Control: nginx heeds `X-Accel-Expires` first, Akamai `Edge-Control`.
"""


class _Headers(Protocol):
    """The headers of a framework's response, whose names have no case."""

    def keys(self) -> Iterable[str]: ...

    def __delitem__(self, key: str, /) -> None: ...

    def __setitem__(self, key: str, value: str, /) -> None: ...


def keep_private(headers: _Headers) -> None:
    """Keep what one browser may see out of every cache, whatever the view has set; `Vary` is the framework's to merge.

    The threat: staff see a page, a cache keeps it by its address alone, and a stranger gets it without a link.
    """
    for name in filter(_FOR_CACHES.fullmatch, {*headers.keys()}):
        del headers[name]
    headers["Cache-Control"] = "private, no-store"


def check_view(view: Callable[..., Any], resource: str) -> None:
    """Raise ConfigurationError for a view without `redemption`, and for a template that names none of its arguments.

    A view that takes `**kwargs` takes any name.
    """
    parameters = signature(view).parameters
    takes_any = any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values())
    view_name, arguments = getattr(view, "__name__", "the view"), ", ".join(parameters) or "nothing"
    if "redemption" not in parameters and not takes_any:
        wanted = "give it a parameter redemption: who opened it, or None"
        raise ConfigurationError(f"opened_by: {view_name} takes {arguments}; {wanted}")
    template = f"opened_by: resource={resource!r}"
    try:
        fields = [field for _, field, _, _ in Formatter().parse(resource) if field is not None]
    except ValueError as error:
        raise ConfigurationError(f'{template} is no template ({error}): write "invoice:{{number}}"') from None
    for name in (re.split(r"[.\[]", field, maxsplit=1)[0] for field in fields):
        if name not in parameters and not (takes_any and name.isidentifier()):
            raise ConfigurationError(f"{template} names {name!r}, but {view_name} takes {arguments}: name one of these")
