"""The setting `MAGICLINK`: read when there is need, checked key by key, and dropped when it changes."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings

from magiclink import INVOICE, SIGN_IN, ConfigurationError
from magiclink.django import conf, send
from magiclink.django.directory import UserDirectory
from magiclink.django.mail import DjangoMailer
from magiclink.web import Limits
from tests.exchanges import ANN
from tests.stage import Accounts, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django.fixtures import Settings

STAGE = Stage()
links = STAGE.links
LIMITS = Limits(per_source=7)


def describe(_: object) -> str:
    """Return what any link opens."""
    return "an invoice"


def configure(**keys: Any) -> Any:
    """Set `MAGICLINK` for a while."""
    return override_settings(MAGICLINK={"LINKS": "tests.django.test_conf.links", **keys})


def test_setting_is_missing(settings: Settings) -> None:
    """Without `MAGICLINK` the error says what to write, and where."""
    del settings.MAGICLINK
    with pytest.raises(ConfigurationError, match=r'wanted a dict, it is missing: write MAGICLINK = \{"LINKS"'):
        conf.read()


@pytest.mark.parametrize("value", [None, "billing.links.links", [("LINKS", links)]])
def test_setting_is_no_dict(value: object) -> None:
    """What is no dict is refused by its type, with what to write."""
    got = "it is missing" if value is None else f"got a value of type {type(value).__name__}"
    with override_settings(MAGICLINK=value), pytest.raises(ConfigurationError, match=f"{got}: write MAGICLINK"):
        conf.read()


@pytest.mark.parametrize(
    ("key", "way_out"),
    [
        ("ADMITS", "; is ADMIT meant?"),
        ("sendr", "; is SENDER meant?"),
        ("links", "; is LINKS meant?"),
        ("X", ": there are ADMIT, DEFER, DESCRIBE, DIRECTORY, HOME, LANDING, LANGUAGES, LIMITS, LINKS, MAILER"),
        (7, ": there are"),
    ],
)
def test_unknown_key(key: Any, way_out: str) -> None:
    """An unknown key is refused by its name: a misspelt ADMIT would let everybody in."""
    written = {"LINKS": "tests.django.test_conf.links", key: None}
    with (
        override_settings(MAGICLINK=written),
        pytest.raises(ConfigurationError, match=re.escape(f"MAGICLINK: there is no option {key}{way_out}")),
    ):
        conf.adapter()


@pytest.mark.parametrize("value", [{}, {"LINKS": None}])
def test_links_are_missing(value: dict[str, object]) -> None:
    """`LINKS` has no default."""
    with override_settings(MAGICLINK=value), pytest.raises(ConfigurationError, match="LINKS is missing"):
        conf.read()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nowhere.links", "tried to import nowhere.links: no module nowhere"),
        ("tests.django.link.links", "tried to import tests.django.link.links: no module tests.django.link"),
        ("tests.django.test_conf.nothing", "tried to import tests.django.test_conf.nothing: the module has no nothing"),
        ("links", "wanted a dotted path such as billing.links.links, got 'links'"),
        ("", "wanted a dotted path such as billing.links.links, got ''"),
    ],
)
@pytest.mark.parametrize("key", ["LINKS", "DIRECTORY", "ADMIT"])
def test_path_that_leads_nowhere(key: str, path: str, reason: str) -> None:
    """A dotted path that can't be imported is refused with its key, the path and what is missing."""
    with configure(**{key: path}), pytest.raises(ConfigurationError, match=f"^{re.escape(f'{key}: {reason}')}$"):
        conf.adapter()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a module of the site's own, and return the path of its links; it is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "billing_of_a_test").mkdir()

    def write(source: str) -> str:
        (tmp_path / "billing_of_a_test" / "links.py").write_text(source)
        return "billing_of_a_test.links.links"

    yield write
    for name in [name for name in sys.modules if name.startswith("billing_of_a_test")]:
        del sys.modules[name]


WHERE = "in billing_of_a_test.links, line 2"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nlinks = os.environ['NO_SUCH_KEY']", f"KeyError: 'NO_SUCH_KEY', {WHERE}"),
        ("\nlinks = {}['mlk1_1_secret']", f"KeyError, {WHERE}"),
        ("\nraise RuntimeError('mlk1_1_secret')", f"RuntimeError, {WHERE}"),
        ("\nraise AttributeError('mlk1_1_secret')", f"AttributeError, {WHERE}"),
        ("\nraise ImportError('mlk1_1_secret')", f"ImportError, {WHERE}"),
        ("\nimport psycopg_of_a_test", f"no module psycopg_of_a_test, {WHERE}"),
        ("\nlinks = (", "SyntaxError"),
        ("\nexec('raise RuntimeError', {})", f"RuntimeError, {WHERE}"),
    ],
)
def test_module_that_raises(module: Callable[[str], str], source: str, reason: str) -> None:
    """A module that raises while it is loaded: the error says its type and where it was raised, and no value."""
    path = module(source)
    with configure(LINKS=path), pytest.raises(ConfigurationError) as caught:
        conf.adapter()
    assert str(caught.value) == f"LINKS: tried to import {path}: {reason}"
    assert caught.value.__cause__ is not None


def test_module_that_builds_no_links(module: Callable[[str], str]) -> None:
    """What `MagicLinks` refuses while the module is loaded says itself what is wrong."""
    path = module("from magiclink import KeyRing\nlinks = KeyRing.from_text('mlk1_no_key')")
    with configure(LINKS=path), pytest.raises(ConfigurationError, match="key") as caught:
        conf.adapter()
    assert "tried to import" not in str(caught.value)


@pytest.mark.parametrize("value", ["tests.django.test_conf.STAGE", 7, Stage])
def test_links_that_are_none(value: object) -> None:
    """`LINKS` is a MagicLinks and nothing else."""
    with (
        configure(LINKS=value),
        pytest.raises(ConfigurationError, match=r"LINKS: wanted a MagicLinks .* got a value of type"),
    ):
        conf.adapter()


def test_objects_and_paths() -> None:
    """A value is an object or its path; of a class, one is made."""
    with configure(DIRECTORY="tests.stage.Accounts", MAILER=STAGE.outbox, DESCRIBE="tests.django.test_conf.describe"):
        assert isinstance(conf.resolve("DIRECTORY"), Accounts)
        assert conf.resolve("MAILER") is STAGE.outbox
        assert conf.resolve("DESCRIBE") is describe
        assert conf.resolve("LINKS") is links
        send(STAGE.links.issue(INVOICE, subject="ann", recipient=ANN, resource="invoice:2"), to=ANN)
    assert STAGE.outbox.last.subject == "an invoice"


def test_value_that_the_conversation_refuses() -> None:
    """A value is checked where those of every framework are."""
    with configure(HOME="https://evil.example/"), pytest.raises(ConfigurationError, match="home"):
        conf.adapter()


def test_texts_are_no_paths() -> None:
    """`HOME`, `SENDER` and `REPLY_TO` are texts, and no dotted paths."""
    with configure(HOME="/home", SENDER="Acme <billing@acme.example>", LIMITS="tests.django.test_conf.LIMITS"):
        conversation = conf.adapter().conversation
    assert (conversation.home, conversation.limits) == ("/home", LIMITS)


def test_defaults() -> None:
    """Without options: the site's users, Django's mail, the sign-in policy, and what the conversation has."""
    with configure():
        assert isinstance(conf.resolve("DIRECTORY"), UserDirectory)
        assert isinstance(conf.resolve("MAILER"), DjangoMailer)
        conversation = conf.adapter().conversation
        assert conf.adapter().links is links
    assert (conversation.home, conversation.limits, conversation.sign_in_policy) == ("/", Limits(), SIGN_IN)
    assert conversation.offers_sign_in


def test_directory_switched_off() -> None:
    """None switches off: without a directory nobody asks for links."""
    with configure(DIRECTORY=None, MAILER=None):
        assert not conf.adapter().conversation.offers_sign_in


def test_change_of_the_setting(settings: Settings) -> None:
    """One adapter serves the process until `MAGICLINK` is overridden; other settings leave it."""
    settings.MAGICLINK = {"LINKS": links}
    first = conf.adapter()
    with override_settings(DEBUG=True):
        assert conf.adapter() is first
    with configure(HOME="/elsewhere"):
        assert conf.adapter().conversation.home == "/elsewhere"
    assert conf.adapter() is not first
    assert conf.adapter().conversation.home == "/"


def test_threads_at_the_first_request() -> None:
    """Several first requests at once build one adapter."""
    made: list[object] = []
    second = Barrier(2)

    class Counted(Accounts):
        def __init__(self) -> None:
            made.append(self)
            # Whoever else is let in meanwhile comes here too, and is counted.
            with suppress(BrokenBarrierError):
                second.wait(timeout=0.2)

    start = Barrier(8)

    def first(_: int) -> object:
        start.wait()
        return conf.adapter()

    with configure(DIRECTORY=Counted), ThreadPoolExecutor(8) as pool:
        assert len({id(adapter) for adapter in pool.map(first, range(8))}) == 1
    assert len(made) == 1


@pytest.mark.parametrize(
    ("code", "listed", "expected"),
    [
        ("en-us", ["de", "pl", "es-ar"], ("en-us", "de", "es-ar")),
        ("de", ["en", "de", "DE-at"], ("de", "en", "DE-at")),
        ("pl", ["pl", "tlh"], ("en",)),
    ],
)
def test_languages_of_the_site(code: str, listed: list[str], expected: tuple[str, ...], settings: Settings) -> None:
    """Pages and mails are in those of the site's languages that there are texts for, its own first; else in English."""
    settings.LANGUAGE_CODE, settings.LANGUAGES = code, [(tag, tag) for tag in listed]
    settings.MAGICLINK = {"LINKS": links}
    assert conf.choose_languages() == expected
    assert tuple(each.tag for each in conf.adapter().conversation.languages) == expected


def test_languages_that_the_setting_names() -> None:
    """`LANGUAGES` in `MAGICLINK` goes before those of the site."""
    with configure(LANGUAGES=["fr"]):
        assert [each.tag for each in conf.adapter().conversation.languages] == ["fr"]


@pytest.mark.parametrize(
    ("default", "sender", "shown"),
    [
        (None, None, "no-reply@billing.example"),
        ("Acme <billing@acme.example>", None, "Acme <billing@acme.example>"),
        ("Acme <billing@acme.example>", "links@acme.example", "links@acme.example"),
    ],
)
def test_sender(default: str | None, sender: str | None, shown: str, settings: Settings) -> None:
    """Mails come from `SENDER`, or from DEFAULT_FROM_EMAIL if the site has set it; never from Django's own default."""
    if default is not None:
        settings.DEFAULT_FROM_EMAIL = default
    stage = Stage()
    link = stage.links.issue(INVOICE, subject="ann", resource="invoice:1", recipient=ANN)
    with override_settings(MAGICLINK={"LINKS": stage.links, "MAILER": stage.outbox, "SENDER": sender}):
        send(link, to=ANN)
    assert stage.outbox.last.message["From"] == shown
