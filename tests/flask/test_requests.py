"""What a request says: its languages, its form, and where it comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from flask import session
from magiclink import ConfigurationError
from tests.exchanges import ANN, OURS
from tests.flask.site import Shop, page_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.test import TestResponse

OFFERED = ["en", "de", "fr"]


class Locale:
    """A locale as Babel has it: its text is a tag with an underscore."""

    def __str__(self) -> str:
        return "fr_CA"


def heading(page: TestResponse) -> str:
    """Return what a page is headed with."""
    return str(re.findall("<h1>(.*?)</h1>", page.text)[0])


def sign_in_page(shop: Shop, accepts: str = "") -> TestResponse:
    """Look at the page that asks for an address, with a browser that prefers some languages."""
    return shop.visitor().get("/l/sign-in", headers={"Accept-Language": accepts})


@pytest.mark.parametrize(
    ("accepts", "expected"),
    [
        ("", "Sign in by email"),
        ("de-AT,de;q=0.9,en;q=0.5", "Per E-Mail anmelden"),
        ("en;q=0.5, fr", "Se connecter par e-mail"),
        ("fr;q=0, en;q=0.1, de;q=0.2", "Per E-Mail anmelden"),
        ("ja", "Sign in by email"),
        ("de;q=x, \x00", "Sign in by email"),
    ],
)
def test_language_of_the_browser(accepts: str, expected: str) -> None:
    """A page is in what the browser prefers, among what the app offers."""
    page = sign_in_page(Shop(languages=OFFERED), accepts)
    assert heading(page) == expected
    assert page.headers["Vary"] == "Cookie, Accept-Language"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (lambda: None, "Per E-Mail anmelden"),
        (lambda: "fr", "Se connecter par e-mail"),
        (Locale, "Se connecter par e-mail"),
        (lambda: "ja", "Per E-Mail anmelden"),
        (lambda: session.get("language", "en"), "Sign in by email"),
    ],
)
def test_language_that_the_app_chose(chosen: Callable[[], Any], expected: str) -> None:
    """What the app has chosen for the reader goes before the browser, where it is offered."""
    assert heading(sign_in_page(Shop(languages=OFFERED, language=chosen), "de")) == expected


def test_mail_in_another_language() -> None:
    """The mail that was asked for on a German page is German, and one that the app sends is in what it says."""
    shop = Shop(languages=OFFERED)
    visitor = shop.visitor()
    german = {"Accept-Language": "de"}
    page = visitor.get("/l/sign-in", headers=german)
    form = {"email": ANN, "form": re.findall(r'name="form" value="([^"]+)"', page.text)[0]}
    assert visitor.post("/l/sign-in", form, headers={**OURS, **german}).status_code == 200
    assert shop.outbox.last.subject == "In Ihrem Konto anmelden"
    link = shop.links.issue(shop.links.flows.policies["sign-in"], subject="ann", recipient=ANN)
    shop.manager.send(link, to=ANN, about="Hill & Sons", language="fr-BE")
    assert shop.outbox.last.subject == "Se connecter à Hill & Sons"


def test_languages_that_cannot_work() -> None:
    """A language that nobody speaks is ConfigurationError when the manager is made."""
    with pytest.raises(ConfigurationError, match="nl"):
        Shop(languages=["nl"])


def test_source_that_is_missing() -> None:
    """G39: without an address of the client, everybody shares one limit key."""
    shop = Shop()
    for _ in range(2):
        answer = shop.visitor().post("/l/sign-in", {"email": ANN}, environ_overrides={"REMOTE_ADDR": ""})
        assert page_of(answer) == "200 sent"
    assert len(shop.outbox) == 2


def test_form_that_is_too_large() -> None:
    """A form larger than ours are is not read, and answered by a page that says so."""
    page = Shop().visitor().post("/l/sign-in", {"email": "a" * 20_000})
    assert page_of(page) == "413 too-large"
