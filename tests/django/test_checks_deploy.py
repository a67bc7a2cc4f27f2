"""What `manage.py check --deploy` says of a site: each id, what brings it up, and what makes it go."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings

from magiclink import INVOICE, Key, KeyRing
from magiclink.django.middleware import MagicLinkMiddleware
from magiclink.django.stamps import security_stamp
from magiclink.stores.memory import MemoryStore
from tests.django.desk import Desk
from tests.django.test_checks import found

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

OURS = "magiclink.django.middleware.MagicLinkMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
SIGNED_COOKIES = "django.contrib.sessions.backends.signed_cookies"


@pytest.fixture
def desk(settings: Settings) -> Desk:
    """Return a site that may be deployed."""
    desk = Desk(settings)
    put(settings, desk)
    return desk


def put(settings: Settings, desk: Desk, **changed: Any) -> None:
    """Return the site other links."""
    links = desk.made(**{"security_stamp": security_stamp, **changed})
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": links}


def test_site_in_order(desk: Desk) -> None:
    """Nothing is said of a site that may be deployed."""
    assert found(deploy=True) == []


def test_site_that_does_not_work(settings: Settings, desk: Desk) -> None:
    """Of a site that can't be built, nothing more is said than that."""
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": "nowhere.links"}
    assert found(deploy=True) == ["E002"]


def test_plain_http(settings: Settings, desk: Desk) -> None:
    """W001: a `base_url` that is plain http, on a developer's machine."""
    put(settings, desk, base_url="http://localhost:8000/l/")
    assert (found(), found(deploy=True)) == ([], ["W001"])


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a way to write a module of the site's, as if it had been imported."""

    def write(name: str, text: str) -> str:
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        made = ModuleType(name)
        made.__file__ = str(file)
        monkeypatch.setitem(sys.modules, name, made)
        return name

    return write


def test_key_beside_the_links(settings: Settings, desk: Desk, module: Any) -> None:
    """W002: a key is written out where LINKS are made, or in a module beside it; and the message doesn't repeat it."""
    key = Key.generate()
    name = module("shopworks.links", f'KEY = "{key.to_text()}"\n')
    vars(sys.modules[name])["links"] = desk.made(
        keys=KeyRing(signing=Key.generate(id=2), retired=[key]), security_stamp=security_stamp
    )
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": "shopworks.links.links"}
    assert found(deploy=True) == ["W002"]
    module("shopworks.links", 'KEY = os.environ["MAGICLINK_KEY"]\n')
    vars(sys.modules[name])["links"] = desk.made(keys=KeyRing(signing=key), security_stamp=security_stamp)
    assert found(deploy=True) == []
    module("shopworks.secrets", f'KEY = "{key.to_text()}"\n')
    assert found(deploy=True) == ["W002"]


def test_key_beside_the_settings(settings: Settings, desk: Desk, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """W002: a key is written out in the settings, or in those that they take over."""
    key = Key.generate()
    put(settings, desk, keys=KeyRing(signing=key))
    module("shop.settings.base", f'MAGICLINK_KEY = "{key.to_text()}"\n')
    assert found(deploy=True) == []
    monkeypatch.setattr(django_settings, "SETTINGS_MODULE", module("shop.settings.production", ""), raising=False)
    assert found(deploy=True) == ["W002"]
    module("shop.settings.base", "MAGICLINK_KEY = environ\n")
    module("shop.elsewhere", f'MAGICLINK_KEY = "{key.to_text()}"\n')
    sys.modules["shop.settings.base"].__file__ = None
    assert found(deploy=True) == []
    monkeypatch.setattr(django_settings, "SETTINGS_MODULE", module("shopsettings", key.to_text()), raising=False)
    assert found(deploy=True) == ["W002"]


def test_store_in_memory(settings: Settings, desk: Desk) -> None:
    """W003: links that are kept in the memory of one process."""
    put(settings, desk, store=MemoryStore())
    assert (found(), found(deploy=True)) == ([], ["W003"])


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (["billing.example"], []),
        (["*"], []),
        ([".example"], []),
        (["other.example"], ["W004"]),
        ([], ["W004"]),
    ],
)
def test_host(settings: Settings, desk: Desk, allowed: list[str], expected: list[str]) -> None:
    """W004: the host of `base_url` isn't among those that the site answers for."""
    settings.ALLOWED_HOSTS = allowed
    assert found(deploy=True) == expected


def test_port(settings: Settings, desk: Desk) -> None:
    """W004 is about the host alone, and not about its port."""
    put(settings, desk, base_url="https://billing.example:8443/l/")
    assert found(deploy=True) == []


def test_stamp(settings: Settings, desk: Desk) -> None:
    """W005: links open an account, and outlive its password."""
    put(settings, desk, security_stamp=None)
    assert found(deploy=True) == ["W005"]
    put(settings, desk, security_stamp=None, policies=[INVOICE])
    assert found(deploy=True) == []


def test_session_in_a_cookie(settings: Settings, desk: Desk) -> None:
    """W006: links open an account, whose session no server can end."""
    settings.SESSION_ENGINE = SIGNED_COOKIES
    assert found(deploy=True) == ["W006"]
    put(settings, desk, policies=[INVOICE])
    assert found(deploy=True) == []


class Own(MagicLinkMiddleware):
    """A site's own kind of our middleware."""


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([OURS, SECURITY, "tests.django.test_checks.function"], []),
        ([SECURITY, OURS, "tests.django.test_checks.function"], []),
        ([SECURITY, "tests.django.test_checks.function", OURS], ["W007"]),
        (["tests.django.test_checks.function", "tests.django.test_checks_deploy.Own"], ["W007"]),
        (["tests.django.test_checks.function"], []),
    ],
)
def test_middleware_that_sees_tokens(
    settings: Settings, desk: Desk, middleware: list[str], expected: list[str]
) -> None:
    """W007: somebody else's middleware before ours sees the token in every address."""
    put(settings, desk, policies=[INVOICE])
    settings.MIDDLEWARE = middleware
    assert found(deploy=True) == expected
