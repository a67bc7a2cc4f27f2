"""The routes: whatever comes below the path is the one view's, and nothing of it is caught."""

from __future__ import annotations

import pytest
from django.urls import resolve, reverse

from magiclink.django.views import answer

PATHS = ["", "x", "new", "sign-in", "sign-in\n", "a//b/", "/", "\n", "x\n\ny", "%00\x00", "é", "x" * 9_000]


def test_names_of_the_routes() -> None:
    """A site links to the page that waits, and to the sign-in page, by name."""
    assert (reverse("magiclink:page"), reverse("magiclink:sign-in")) == ("/l/", "/l/sign-in")


@pytest.mark.parametrize(
    "path", ["", "x", "new", "sign-in", "sign-in\n", "a//b/", "/", "\n", "x\n\ny", "%00\x00", "é", "x" * 9_000]
)
def test_path_that_is_caught(path: str) -> None:
    """Every path is ours, line ends and NUL too; none of it stands in what Django remembers of the route."""
    found = resolve(f"/l/{path}")
    assert found.func is answer
    assert (found.args, found.kwargs) == ((), {})


def test_app_of_the_routes() -> None:
    """A site's own wall finds our routes by the name of their app."""
    assert resolve("/l/x").app_name == "magiclink"
