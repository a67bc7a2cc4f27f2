"""`request.magiclink`: what this browser has opened by links, for views and templates that ask.

Placed right after SecurityMiddleware, it also removes the token from the address before any other middleware can log
it. By itself it makes no query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async

from ..errors import ConfigurationError
from .conf import adapter
from .requests import hide_cookies, strip_address
from .views import is_answered

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from ..policy import Policy
    from ..values import Redemption


class Opened:
    """What one browser has open; each call asks the store about one document."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def opened(self, policy: Policy, resource: str) -> Redemption | None:
        """Return the redemption by which this browser has a document open, or None. Raises UnavailableError."""
        return adapter().opened(self._request, policy, resource)

    async def aopened(self, policy: Policy, resource: str) -> Redemption | None:
        """Return the same in an asynchronous view."""
        return await sync_to_async(self.opened)(policy, resource)


class MagicLinkMiddleware:
    """Sets `request.magiclink`, synchronously and asynchronously."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Return the response of the next middleware, or its coroutine."""
        request.magiclink = Opened(request)  # type: ignore[attr-defined]
        hide_cookies(request)
        _strip_token(request)
        return self._get_response(request)


def _strip_token(request: HttpRequest) -> None:
    found = adapter()
    try:
        mount = found.mount(request)
    except ConfigurationError:
        # Our routes raise it themselves; the site's other pages go on.
        return
    if request.path_info.startswith(mount) and is_answered(request.path_info, getattr(request, "urlconf", None)):
        strip_address(request, mount)
