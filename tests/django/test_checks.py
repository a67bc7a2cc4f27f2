"""What `manage.py check` says of a site: each id, what brings it up, and what makes it go."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path

from magiclink import INVOICE
from tests.django.desk import BACKENDS, Desk
from tests.stage import Accounts

if TYPE_CHECKING:
    from django.http import HttpRequest
    from pytest_django.fixtures import Settings

SOURCES = ("checks",)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "django-checks.md"


def found(*, deploy: bool = False) -> list[str]:
    """Return the ids of the messages of our checks."""
    messages = run_checks(tags=["magiclink"], include_deployment_checks=deploy)
    assert all(message.hint and message.msg for message in messages)
    return [str(message.id).removeprefix("magiclink.") for message in messages]


def test_site_in_order(desk: Desk) -> None:
    """A site that is set up as the documents show has no finding."""
    assert found() == []


def test_documented(desk: Desk) -> None:
    """The document lists each id that the code has, and no other."""
    package = Path(__file__).resolve().parents[2] / "src" / "magiclink" / "django"
    known = re.findall(r"magiclink\.([EW]\d+)", "".join((package / f"{name}.py").read_text() for name in SOURCES))
    assert sorted(known) == sorted(re.findall(r"^\| `magiclink\.([EW]\d+)`", DOCUMENT.read_text(), re.M))
    assert len(known) == len(set(known))


@pytest.mark.parametrize("written", [None, "billing.links.links", {}, {"LINKS": "x.y", "DIRECTROY": None}])
def test_setting(desk: Desk, written: object) -> None:
    """E001: `MAGICLINK` is missing, no dict, without `LINKS`, or has a key that nobody knows."""
    with override_settings(MAGICLINK=written):
        assert found(deploy=True) == ["E001"]
    with override_settings(MAGICLINK=None):
        del django_settings.MAGICLINK
        assert found() == ["E001"]
    assert found() == []


@pytest.mark.parametrize(
    "written",
    [
        {"LINKS": "billing.links.links"},
        {"LINKS": "tests.django.desk.Desk"},
        {"LINKS": "tests.django.test_checks.SOURCES"},
        {"DIRECTORY": "nowhere.Directory"},
        {"MAILER": None},
        {"HOME": "https://evil.example/"},
    ],
)
def test_links_that_are_none(settings: Settings, desk: Desk, written: dict[str, object]) -> None:
    """E002: `LINKS` can't be imported or is no MagicLinks, or another key is of no use."""
    settings.MAGICLINK = {**settings.MAGICLINK, **written}
    assert found(deploy=True) == ["E002"]


class Secretive:
    """What a site's own code may raise: an error that says what it found."""

    def __init__(self) -> None:
        raise KeyError("mlk1_1_this-may-be-a-key")


def test_import_that_fails(settings: Settings, desk: Desk) -> None:
    """E002 names the type of the error that the site's own code raised, and nothing of its message."""
    settings.MAGICLINK = {"LINKS": Secretive}
    [message] = run_checks(tags=["magiclink"], include_deployment_checks=True)
    assert (message.id, "KeyError" in message.msg, "mlk1_" in str(message)) == ("magiclink.E002", True, False)


def other(request: HttpRequest) -> HttpResponse:
    """Answer as a view of the site's own."""
    return HttpResponse("ours")


def routes(*patterns: Any) -> Any:
    """Set the routes of the site."""
    module = type("Routes", (), {"urlpatterns": list(patterns)})
    return override_settings(ROOT_URLCONF=module)


OURS = include("magiclink.django.urls")


@pytest.mark.parametrize(
    "patterns",
    [
        [],
        [path("link/", OURS)],
        [path("l/x/", OURS)],
        [path("l/", other)],
        [path("l/", other), path("l/", OURS)],
        [path("l/<slug:token>", other), path("l/", OURS)],
    ],
)
def test_routes_elsewhere(desk: Desk, patterns: list[Any]) -> None:
    """E003: the routes aren't where `base_url` says, or a view of the site's own takes them."""
    with routes(*patterns):
        assert found() == ["E003"]
    with routes(path("l/", OURS)):
        assert found() == []


def test_routes_below_a_path(settings: Settings, desk: Desk) -> None:
    """E003: where the server has the site at a path of its own, the routes are below that."""
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": desk.made(base_url="https://billing.example/shop/l/")}
    for prefix in ("shop/l/", "l/", ""):
        with routes(path(prefix, OURS)):
            assert found() == []
    with routes(path("shop/m/", OURS)):
        assert found() == ["E003"]


def test_site_without_routes(desk: Desk) -> None:
    """E003: a site that has no routes at all has none of ours."""
    with override_settings(ROOT_URLCONF=None):
        assert found() == ["E003"]


@pytest.mark.parametrize(
    ("root", "prefix", "expected"),
    [
        ("/shop", "l/", []),
        ("/shop/", "l/", []),
        ("/shop", "shop/l/", ["E003"]),
        ("/", "shop/l/", []),
        ("/sho", "l/", ["E003"]),
    ],
)
def test_path_of_the_server(settings: Settings, desk: Desk, root: str, prefix: str, expected: list[str]) -> None:
    """E003: FORCE_SCRIPT_NAME says which part of the path is the server's, and nothing else is tried then."""
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": desk.made(base_url="https://billing.example/shop/l/")}
    settings.FORCE_SCRIPT_NAME = root
    with routes(path(prefix, OURS)):
        assert found() == expected


@pytest.mark.parametrize("backends", [BACKENDS[:1], [], ["nowhere.Backend"]])
def test_backend(settings: Settings, desk: Desk, backends: list[str]) -> None:
    """E004: links that open an account need a backend; links that open documents don't."""
    settings.AUTHENTICATION_BACKENDS = backends
    assert found() == ["E004"]
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": desk.made(INVOICE)}
    assert found() == []


class OwnSessions(SessionMiddleware):
    """A site's own sessions."""


SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
USERS = "django.contrib.auth.middleware.AuthenticationMiddleware"


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([SESSIONS, USERS], []),
        (["tests.django.test_checks.OwnSessions", "tests.django.test_checks.function", USERS], []),
        ([USERS, SESSIONS], ["E005"]),
        ([USERS], ["E005"]),
        ([SESSIONS], ["E005"]),
        ([], ["E005"]),
        (["nowhere.Middleware", SESSIONS, USERS], []),
        ([SESSIONS, "nowhere.Middleware"], ["E005"]),
    ],
)
def test_sessions(settings: Settings, desk: Desk, middleware: list[str], expected: list[str]) -> None:
    """E005: links that open an account need sessions, and users after them."""
    settings.MIDDLEWARE = middleware
    assert found() == expected
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": desk.made(INVOICE)}
    assert found() == []


def function(get_response: Any) -> Any:
    """Be a middleware that is no class."""
    return get_response


@pytest.mark.parametrize("directory", [{}, {"DIRECTORY": None}, {"DIRECTORY": Accounts}])
def test_address(settings: Settings, desk: Desk, directory: dict[str, object]) -> None:
    """E006: the directory of the site's users needs a field for their addresses; none, or another one, doesn't."""
    settings.MAGICLINK = {**settings.MAGICLINK, **directory}
    assert found() == []
    with override_settings(AUTH_USER_MODEL="people.Shopper"):
        assert found() == ([] if directory else ["E006"])
    with override_settings(AUTH_USER_MODEL="nowhere.User"):
        assert found() == ([] if directory else ["E006"])
