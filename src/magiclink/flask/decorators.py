"""Views that a link opens: `LinkManager.opened_by`, and what its decorators check before a request comes."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, make_response, request

from ..errors import ConfigurationError
from ..web.conversation import check_unless
from ..web.guards import check_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from ..policy import Policy
    from ..values import Redemption

    View = Callable[..., Any]

_ORDER = "opened_by stands above the route, which holds the view without its guard: write @app.get(…) above @opened_by"


class Guards:
    """The guarded views of one manager; `find(policy, resource)` returns what is open, or the response to send."""

    def __init__(self, find: Callable[[Policy, str], Redemption | Response]) -> None:
        self._find = find
        self._apps: list[Flask] = []
        self._bare: dict[int, View] = {}

    def watch(self, app: Flask) -> None:
        """Refuse requests to a view of this app whose guard stands above its route."""
        self._apps.append(app)
        app.before_request(self._check_endpoint)

    def guard(self, view: View, *, policy: Policy, resource: str, unless: Callable[[], object] | None) -> View:
        """Return a view that is shown to whom `unless` lets in, and to whoever has opened its document."""
        check_view(view, resource)
        if any(view is each for app in self._apps for each in app.view_functions.values()):
            raise ConfigurationError(_ORDER)
        self._bare[id(view)] = view

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            show = current_app.ensure_sync(view)
            if unless is not None and check_unless(unless()):
                return show(*args, redemption=None, **kwargs)
            found = self._find(policy, resource.format(**kwargs))
            if isinstance(found, Response):
                return found
            response = make_response(show(*args, redemption=found, **kwargs))
            # What one browser may see is no page for a shared cache.
            response.headers.setdefault("Cache-Control", "no-store")
            response.vary.add("Cookie")
            return response

        return guarded

    def _check_endpoint(self) -> None:
        # A route that holds the view itself, and not the guarded one, would show the document to everybody.
        if id(current_app.view_functions.get(request.endpoint or "")) in self._bare:
            raise ConfigurationError(_ORDER)
