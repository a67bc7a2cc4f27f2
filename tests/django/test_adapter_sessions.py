"""Signing in: by Django's own login, into a session of its own, until the link says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.test import RequestFactory

from magiclink import INVOICE, SIGN_IN, STEP_UP, ConfigurationError, StoreError
from magiclink.django.adapter import user_signed_in
from tests.django.site import ByName, Shop, Visitor, ann, page_of, text_of
from tests.exchanges import ANN

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from pytest_django.fixtures import Settings

    from magiclink import Redemption

pytestmark = pytest.mark.django_db


def sign_in(shop: Shop, visitor: Visitor) -> HttpResponse:
    """Click the sign-in link, and press its button."""
    pressed: HttpResponse = visitor.press(visitor.open(shop.url("sign_in")))
    return pressed


# Signing in.


def test_signing_in(settings: Settings) -> None:
    """The button signs in by Django's own login, whose signal is sent, and leads to the destination."""
    user, shop, seen = ann(), Shop(settings), []

    def hear(request: HttpRequest, user: User, **_: Any) -> None:
        seen.append(user)

    user_logged_in.connect(hear)
    visitor = shop.visitor()
    assert page_of(sign_in(shop, visitor)) == "303 /invoices"
    assert text_of(visitor.get("/invoices")) == "signed in: ann"
    assert seen == [user]
    user.refresh_from_db()
    assert user.last_login is not None


def test_session_planted_before(settings: Settings) -> None:
    """G16: the session that was there before is gone, with all that was in it, and its key is worth nothing."""
    ann()
    shop = Shop(settings)
    visitor = shop.visitor()
    planted = visitor.client.session
    planted["cart"] = "of an attacker"
    planted.save()
    visitor.client.cookies["sessionid"] = str(planted.session_key)
    sign_in(shop, visitor)
    session = visitor.client.session
    assert session.session_key != planted.session_key
    assert "cart" not in session
    assert not Session.objects.filter(session_key=planted.session_key).exists()


def test_link_of_somebody_else(settings: Settings) -> None:
    """G12: who is signed in as another is told so and asked, and lands as the one that the link is for."""
    ann()
    User.objects.create_user("bob")
    shop = Shop(settings)
    visitor = shop.visitor()
    visitor.client.force_login(User.objects.get(username="bob"), backend="tests.django.site.ByName")
    session = visitor.client.session
    session["cart"] = "of bob"
    session.save()
    page = visitor.open(shop.url("sign_in"))
    assert page_of(page) == "200 switch"
    visitor.press(page)
    assert text_of(visitor.get("/invoices")) == "signed in: ann"
    assert "cart" not in visitor.client.session


def test_step_up(settings: Settings) -> None:
    """A step-up is for who is signed in already, adds to the session that there is, and doesn't shorten it."""
    ann()
    shop = Shop(settings, INVOICE, SIGN_IN, STEP_UP)
    visitor = shop.visitor()
    visitor.client.force_login(User.objects.get(), backend="tests.django.site.ByName")
    session = visitor.client.session
    session["cart"] = "of ann"
    session.save()
    link = shop.links.issue(STEP_UP, subject="ann", recipient=ANN, destination="/pay")
    assert page_of(visitor.press(visitor.open(link.url))) == "303 /pay"
    after = visitor.client.session
    assert after["cart"] == "of ann"
    assert after.session_key != session.session_key
    assert after.get_expiry_age() == settings.SESSION_COOKIE_AGE


def test_session_ends_with_the_link(settings: Settings) -> None:
    """A session lasts as long as the policy says, counted from the use, not from a second click."""
    ann()
    shop = Shop(settings)
    visitor = shop.visitor()
    page = visitor.open(shop.url("sign_in"))
    visitor.press(page)
    assert abs(visitor.client.session.get_expiry_age() - 12 * 3600) < 60
    other = shop.visitor()
    pending = {name: morsel for name, morsel in visitor.client.cookies.items() if "pending" in name}
    shop.clock.tick(timedelta(seconds=20))
    other.client.cookies.update(pending)
    assert page_of(other.press(page)) == "303 /invoices"
    assert abs(other.client.session.get_expiry_age() - 12 * 3600 + 20) < 10


def test_session_of_the_site_is_shorter(settings: Settings) -> None:
    """A site whose sessions are shorter keeps them so."""
    settings.SESSION_COOKIE_AGE = 600
    ann()
    shop = Shop(settings)
    visitor = shop.visitor()
    sign_in(shop, visitor)
    assert visitor.client.session.get_expiry_age() == 600


def test_user_deactivated_at_the_last_moment(settings: Settings) -> None:
    """Whom no backend takes any more isn't signed in, keeps no session, and is told what happened to the link."""
    User.objects.create_user("ann", is_active=False)
    shop = Shop(settings)
    visitor = shop.visitor()
    assert page_of(sign_in(shop, visitor)) == "410 used"
    assert text_of(visitor.get("/invoices")) == "signed in: AnonymousUser"


class Down(ByName):
    """A backend whose users can't be looked up now."""

    def authenticate(self, request: HttpRequest | None, magiclink: Redemption | None = None, **_: Any) -> User | None:
        """Fail."""
        raise StoreError("down")


def test_users_cannot_be_looked_up(settings: Settings) -> None:
    """Where the accounts can't be read, the answer is 503, and the same click signs in once they can."""
    ann()
    shop = Shop(settings)
    visitor = shop.visitor()
    page = visitor.open(shop.url("sign_in"))
    settings.AUTHENTICATION_BACKENDS = ["tests.django.test_adapter_sessions.Down"]
    assert page_of(visitor.press(page)) == "503 unavailable"
    settings.AUTHENTICATION_BACKENDS = ["tests.django.site.ByName"]
    assert page_of(visitor.press(page)) == "303 /invoices"


def test_no_backend_for_links(settings: Settings) -> None:
    """A policy that signs in without a backend for it is an error, before anything is used up."""
    shop = Shop(settings)
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    with pytest.raises(ConfigurationError, match="opens an account"):
        shop.visitor().get(shop.url("sign_in"))
    assert shop.links.verify(shop.tokens["sign_in"], SIGN_IN).purpose == "sign-in"


@pytest.mark.parametrize(
    ("landing", "location"),
    [
        ("/second-factor", "/second-factor"),
        (None, "/invoices"),
        ("//evil.example", "/home"),
        ("https://evil.example", "/home"),
        ("/ok\r\nX-Evil: 1", "/home"),
    ],
)
def test_landing(landing: str | None, location: str, settings: Settings) -> None:
    """G17, I01, I14: the site may send the browser on to a second factor, by a path of its own; else home."""
    seen = []

    def land(request: HttpRequest, redemption: Redemption) -> str | None:
        seen.append((str(request.user), redemption.subject))
        return landing

    ann()
    shop = Shop(settings, LANDING=land, HOME="/home")
    assert page_of(sign_in(shop, shop.visitor())) == f"303 {location}"
    assert seen == [("ann", "ann")]


def test_subject_of_a_user() -> None:
    """By default who is signed in is named by the primary key, as a text, and nobody is None."""
    request = RequestFactory().get("/")
    assert user_signed_in(request) is None
    request.user = user = ann()
    assert user_signed_in(request) == str(user.pk)
