"""Views that a link opens: what is wrong with one is found at its decoration, from its signature."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import ConfigurationError
from magiclink.web.guards import check_view, keep_private

if TYPE_CHECKING:
    from collections.abc import Callable


def show(number: int, redemption: object) -> None:
    """Show an invoice."""


def show_any(**kwargs: object) -> None:
    """Show whatever the route names."""


def show_keyword(number: int, *, redemption: object = None) -> None:
    """Show an invoice, with a redemption that must be named."""


@wraps(show)
def show_wrapped(*args: Any, **kwargs: Any) -> None:
    """Show an invoice, behind another decorator."""


@pytest.mark.parametrize("view", [show, show_any, show_keyword, show_wrapped, partial(show)])
@pytest.mark.parametrize(
    "resource", ["invoice:{number}", "invoice:{number:06}", "i:{number.real}", "price-list", "{{}}"]
)
def test_view_that_fits(view: Callable[..., Any], resource: str) -> None:
    """Each placeholder is an argument of the view, which takes `redemption`: nothing is raised."""
    check_view(view, resource)


@pytest.mark.parametrize("resource", ["invoice:{id}", "{number}/{id}", "{id.x}", "{id[0]}", "{}", "{0}", "{ number}"])
def test_name_that_the_view_lacks(resource: str) -> None:
    """The error names the argument that is missing, and those that there are."""
    with pytest.raises(ConfigurationError, match="but show takes number, redemption: name one of these"):
        check_view(show, resource)


@pytest.mark.parametrize("resource", ["invoice:{}", "invoice:{0}"])
def test_place_in_place_of_a_name(resource: str) -> None:
    """A view that takes any name takes no numbered placeholder: its arguments come by their names."""
    with pytest.raises(ConfigurationError, match=r"names '0?', but show_any takes kwargs"):
        check_view(show_any, resource)


@pytest.mark.parametrize("resource", ["invoice:{number", "invoice:}", "{number!}"])
def test_template_that_is_none(resource: str) -> None:
    """Braces that don't close are found at the decoration as well; the error has a template that works."""
    with pytest.raises(ConfigurationError, match=r'write "invoice:\{number\}"') as caught:
        check_view(show, resource)
    assert repr(resource) in str(caught.value)
    assert caught.value.__suppress_context__


def test_view_without_redemption() -> None:
    """A view that can't be given the redemption is named, with what it takes."""

    def pay(number: int) -> None: ...

    with pytest.raises(ConfigurationError, match="pay takes number; give it a parameter redemption"):
        check_view(pay, "invoice:{number}")
    with pytest.raises(ConfigurationError, match="takes nothing"):
        check_view(lambda: None, "price-list")


def test_view_without_a_name() -> None:
    """A view that is an object is one all the same."""

    class Show:
        def __call__(self, number: int) -> None: ...

    with pytest.raises(ConfigurationError, match="the view takes number"):
        check_view(Show(), "invoice:{number}")


def test_headers_for_caches() -> None:
    """N03: whatever was set to let a cache keep a page is gone, and what else was set stays."""
    headers = {"Cache-Control": "public, max-age=60", "X-Own": "1"}
    names = ("Age", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Edge-Control", "EXPIRES", "Pragma")
    headers |= dict.fromkeys((*names, "Surrogate-Control", "X-Accel-Expires"), "x")
    keep_private(headers)
    assert headers == {"Cache-Control": "private, no-store", "X-Own": "1"}
