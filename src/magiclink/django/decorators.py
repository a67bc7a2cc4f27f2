"""Views that a link opens: `@opened_by` for functions, `OpenedByMixin` for classes, both for sync and async views.

Whoever has opened the document by a link of that policy sees the view; everybody else gets the conversation's answer.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from ..errors import ConfigurationError
from ..web.conversation import check_unless
from ..web.guards import check_view, keep_private
from .conf import adapter
from .responses import keep_out_of_caches

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

    from ..policy import Policy
    from ..values import Redemption

    View = Callable[..., Any]


def opened_by(
    policy: Policy, *, resource: str, unless: Callable[[HttpRequest], object] | None = None
) -> Callable[[View], View]:
    """Return a decorator: who has opened the document by a link of this policy sees the view, others get a 403 page.

    `resource` is a template over the view's arguments, such as `"invoice:{number}"`. The view gets `redemption`: the
    Redemption, or None if `unless(request)` let this visitor in without a link; compare it with None.
    LoginRequiredMiddleware lets the view through: the link stands in for the login.

    Raises ConfigurationError for a view without `redemption`, and for a template that names none of its arguments.
    """

    def decorate(view: View) -> View:
        check_view(view, resource)
        return login_not_required(_guard(view, policy, resource, unless))

    return decorate


def _guard(view: View, policy: Policy, resource: str, unless: Callable[[HttpRequest], object] | None) -> View:
    def find(request: HttpRequest, arguments: dict[str, Any]) -> Redemption | HttpResponse | None:
        if unless is not None and check_unless(unless(request)):
            return None
        return adapter().guard(request, policy, _fill_in(resource, arguments))

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        found = find(request, kwargs)
        if isinstance(found, HttpResponse):
            return found
        return _mark_private(request, view(request, *args, redemption=found, **kwargs))

    @wraps(view)
    async def aguarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        found = await sync_to_async(find)(request, kwargs)
        if isinstance(found, HttpResponse):
            return found
        return _mark_private(request, await view(request, *args, redemption=found, **kwargs))

    return aguarded if iscoroutinefunction(view) else guarded


def _fill_in(resource: str, arguments: dict[str, Any]) -> str:
    try:
        return resource.format(**arguments)
    except LookupError:
        names = ", ".join(arguments) or "nothing"
        raise ConfigurationError(
            f"opened_by: resource={resource!r} names none of the arguments of the route, which has {names} by name"
        ) from None


class OpenedByMixin:
    """Guards every method of a class-based view, as `opened_by` guards a function, and sets `self.redemption`.

    It comes first among the base classes. A method gets the arguments of its route, without `redemption`.
    """

    opened_by_policy: ClassVar[Policy]
    opened_by_resource: ClassVar[str]
    """A template over the view's arguments, such as `"invoice:{number}"`."""
    redemption: Redemption | None

    def needs_no_link(self, request: HttpRequest) -> bool:  # noqa: ARG002  # for subclasses
        """Return whether this visitor may see the view without a link; `self.redemption` is None then."""
        return False

    @login_not_required
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Guard the view, and then dispatch as its other base classes do."""

        def show(request: HttpRequest, *args: Any, redemption: Redemption | None, **kwargs: Any) -> Any:
            self.redemption = redemption
            return super(OpenedByMixin, self).dispatch(request, *args, **kwargs)  # type: ignore[misc]

        if self.view_is_async:  # type: ignore[attr-defined]
            markcoroutinefunction(show)
        guarded = _guard(show, self.opened_by_policy, self.opened_by_resource, self.needs_no_link)
        return guarded(request, *args, **kwargs)


def _mark_private(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Keep the view's response out of caches, also where the visitor needed no link: it isn't everybody's."""
    keep_private(response.headers)
    patch_vary_headers(response, ["Cookie"])
    keep_out_of_caches(request)
    return response
