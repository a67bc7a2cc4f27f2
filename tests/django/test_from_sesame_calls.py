"""Django-sesame's calls, backend and tokens beside ours: what `from-django-sesame.md` says of each, on both sides."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from sesame import settings as sesame_settings
from sesame import tokens_v1, tokens_v2
from sesame.backends import SesameBackendMixin
from sesame.tokens import create_token, parse_token
from sesame.utils import get_parameters, get_query_string, get_token, get_user

from magiclink import (
    INVOICE,
    SIGN_IN,
    BadArgumentError,
    ExpiredLinkError,
    InvalidLinkError,
    PolicyError,
    RevokedLinkError,
    SupersededLinkError,
    UsedLinkError,
)
from magiclink.django.backends import MagicLinkBackend
from magiclink.policy import Opens, Policy
from tests.django.desk import customer
from tests.django.sesame_site import BothSites, visitor
from tests.django.site import text_of

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def both(settings: Settings) -> BothSites:
    """Return a site with both."""
    return BothSites(settings)


@pytest.fixture
def ann() -> User:
    """Return a user."""
    return customer()


# sesame.utils


def test_each_call_another_link(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.utils` `get_token`: two calls are one token there, and two records here."""
    settings.SESAME_MAX_AGE = None
    assert get_token(ann) == get_token(ann)
    tokens = {both.sign_in_by(SIGN_IN, ann).token for _ in range(2)}
    assert len(tokens) == len(both.links.find(subject=str(ann.pk))) == 2


def test_token_without_a_record(both: BothSites, ann: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """`sesame.utils` `get_token`: theirs asks no database, ours writes a record."""
    with django_assert_num_queries(0):
        get_token(ann)
    with CaptureQueriesContext(connection) as queries:
        both.sign_in_by(SIGN_IN, ann)
    assert [query for query in queries.captured_queries if query["sql"].startswith("INSERT")]


@pytest.mark.parametrize("page", ["/?theme=dark", "/invoices/1001?print=1"])
def test_where_it_leads(page: str, both: BothSites, ann: User) -> None:
    """`sesame.utils` `get_query_string`: a link leads to the path that it was issued for, whose query is part of it."""
    link = both.invoice(ann, destination=page)
    assert visitor().get(link.url)["Location"] == page
    assert get_query_string(ann) == f"?sesame={get_parameters(ann)['sesame']}"


def test_nothing_for_a_query(both: BothSites, ann: User) -> None:
    """`sesame.utils` `get_parameters`: a query gets the token there, and nothing of ours."""
    assert [*get_parameters(ann)] == ["sesame"]
    assert "?" not in both.invoice(ann).url


def test_why_it_is_refused(both: BothSites, ann: User) -> None:
    """`sesame.utils` `get_user`: None there, whatever the reason; here an error of its own for each."""
    assert get_user(get_token(ann)) == ann
    assert [get_user(get_token(ann)[:-1]), get_user(get_token(ann), max_age=0)] == [None, None]
    links = [both.sign_in_by(SIGN_IN, ann, recipient=f"{name}@acme.example") for name in "abcd"]
    used, revoked, expired, other = links
    redemption = both.links.redeem(used.token, SIGN_IN)
    assert get_user_model().objects.get(pk=redemption.subject) == ann
    both.links.revoke(revoked.link_id)
    for error, link in ((UsedLinkError, used), (RevokedLinkError, revoked)):
        with pytest.raises(error):
            both.links.redeem(link.token, SIGN_IN)
    assert both.links.verify(other.token, SIGN_IN).link_id == other.link_id
    with pytest.raises(InvalidLinkError):
        both.links.redeem(other.token[:-1], SIGN_IN)
    both.clock.tick(SIGN_IN.lifetime)
    with pytest.raises(ExpiredLinkError):
        both.links.redeem(expired.token, SIGN_IN)


def test_link_that_a_newer_one_replaced(both: BothSites, ann: User) -> None:
    """`sesame.utils` `get_user`: a newer token ends none; a newer invoice link, once delivered, ends the older."""
    token, older = get_token(ann), both.invoice(ann)
    assert get_user(get_token(ann)) == get_user(token) == ann
    both.links.mark_delivered(both.invoice(ann).link_id)
    with pytest.raises(SupersededLinkError):
        both.links.verify(older.token, INVOICE)


def test_text_that_both_must_spell_alike(both: BothSites, ann: User) -> None:
    """`sesame.utils` `scope=`: another scope is None; another purpose is InvalidLinkError, and nothing is used."""
    token, link = get_token(ann, scope="report"), both.sign_in_by(SIGN_IN, ann)
    assert [get_user(token, scope="report"), get_user(token, scope="Report"), get_user(token)] == [ann, None, None]
    with pytest.raises(InvalidLinkError):
        both.links.redeem(link.token, INVOICE)
    both.links.redeem(link.token, SIGN_IN)


def test_shorter_time_for_one(both: BothSites, ann: User) -> None:
    """`sesame.utils` `max_age=`: whoever reads a token says how old; a link is issued shorter, never longer."""
    token = get_token(ann)
    assert [get_user(token, max_age=60), get_user(token, max_age=0)] == [ann, None]
    minute = both.clock.now() + timedelta(minutes=1)
    link = both.invoice(ann, expires_at=minute)
    both.clock.tick(timedelta(minutes=1))
    with pytest.raises(ExpiredLinkError):
        both.links.verify(link.token, INVOICE)
    with pytest.raises(BadArgumentError):
        both.invoice(ann, expires_at=minute + timedelta(days=15))


@pytest.mark.parametrize("update", [None, True, False])
def test_last_login(update: bool | None, both: BothSites, ann: User) -> None:
    """`sesame.utils` `update_last_login=`: here a sign-in sets it, as each does, and a document's link never."""
    get_user(get_token(ann), update_last_login=update)
    assert (User.objects.get().last_login is not None) is (update is True)
    User.objects.update(last_login=None)
    browser = visitor()
    browser.get(both.invoice(ann, destination="/invoices/1001").url)
    assert User.objects.get().last_login is None
    browser.press(browser.open(both.sign_in_by(SIGN_IN, ann).url))
    assert User.objects.get().last_login is not None


# sesame.backends


def test_what_authenticates(both: BothSites, ann: User) -> None:
    """`sesame.backends` `authenticate`: a token there, a redemption here, and neither backend takes the other's."""
    token, link = get_token(ann), both.sign_in_by(SIGN_IN, ann)
    redemption = both.links.redeem(link.token, SIGN_IN)
    assert authenticate(sesame=token) == authenticate(magiclink=redemption) == ann
    refused = [{"magiclink": token}, {"magiclink": link.token}, {"sesame": link.token}]
    assert [authenticate(**proof) for proof in refused] == [None, None, None]


@pytest.mark.parametrize("turned", [False, True])
def test_order_of_backends(turned: bool, both: BothSites, ann: User, settings: Settings) -> None:
    """Either backend authenticates by its own proof, whichever comes first."""
    if turned:
        settings.AUTHENTICATION_BACKENDS = [*reversed(settings.AUTHENTICATION_BACKENDS)]
    redemption = both.links.redeem(both.sign_in_by(SIGN_IN, ann).token, SIGN_IN)
    by_theirs, by_ours = authenticate(sesame=get_token(ann)), authenticate(magiclink=redemption)
    assert by_theirs is not None
    assert by_ours is not None
    assert by_theirs.backend == "sesame.backends.ModelBackend"
    assert by_ours.backend == "magiclink.django.backends.MagicLinkBackend"


class NotAnn:
    """Says who may sign in, for either backend."""

    def user_can_authenticate(self, user: User) -> bool:
        """Let everybody in but her."""
        return user.username != "ann"


class NotAnnBySesame(NotAnn, SesameBackendMixin, ModelBackend):  # type: ignore[misc]
    """Theirs is mixed in."""


class NotAnnByLink(NotAnn, MagicLinkBackend):  # type: ignore[misc]
    """Ours is a base."""


def test_who_may_sign_in(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.backends` `ModelBackend`, `SesameBackendMixin`: a subclass says who may sign in; ours needs no mixin."""
    path = "tests.django.test_from_sesame_calls"
    settings.AUTHENTICATION_BACKENDS = [f"{path}.NotAnnBySesame", f"{path}.NotAnnByLink"]
    bob = customer("bob", "bob@acme.example")
    found = [authenticate(sesame=get_token(user)) for user in (ann, bob)]
    redeemed = [both.links.redeem(both.sign_in_by(SIGN_IN, user).token, SIGN_IN) for user in (ann, bob)]
    assert found == [authenticate(magiclink=each) for each in redeemed] == [None, bob]


def test_policy_has_been_asked(both: BothSites, ann: User) -> None:
    """`sesame.backends` `scope=`, `max_age=`: taken with a token there; ours takes its proof alone."""
    token = get_token(ann, scope="report")
    assert authenticate(sesame=token, scope="report", max_age=60) == ann
    redemption = both.links.redeem(both.sign_in_by(SIGN_IN, ann).token, SIGN_IN)
    assert authenticate(magiclink=redemption, scope="report") is None


def test_inactive_user(both: BothSites, ann: User) -> None:
    """`sesame.backends` `get_user`: nobody who is inactive, by either; a link isn't even used up."""
    token, link = get_token(ann), both.sign_in_by(SIGN_IN, ann)
    User.objects.update(is_active=False)
    assert get_user(token) is None
    with pytest.raises(RevokedLinkError):
        both.links.redeem(link.token, SIGN_IN)
    User.objects.update(is_active=True)
    both.links.redeem(link.token, SIGN_IN)


# sesame.tokens, tokens_v1, tokens_v2, settings


def test_what_a_signature_does_not_say(both: BothSites, ann: User) -> None:
    """`sesame.tokens` `parse_token`: theirs checks user, time and signature; ours the record too, which may be gone."""
    token, link = create_token(ann), both.invoice(ann)
    assert parse_token(token, lambda pk: ann) == ann
    both.links.revoke(link.link_id)
    with pytest.raises(RevokedLinkError):
        both.links.verify(link.token, INVOICE)
    assert parse_token(token, lambda pk: ann) == ann


def test_what_is_logged(both: BothSites, ann: User, caplog: pytest.LogCaptureFixture) -> None:
    """`sesame.tokens` `logger`: theirs names the user, and version 1 the token; ours neither."""
    caplog.set_level(logging.DEBUG)
    old = tokens_v1.create_token(ann)
    for token in (get_token(ann), old):
        get_user(token)
    theirs = [record.getMessage() for record in caplog.records if record.name == "sesame"]
    assert [f"user {ann}" in line for line in theirs] == [True, True]
    assert old in theirs[1]
    caplog.clear()
    link = both.invoice(ann)
    both.links.redeem(link.token, INVOICE)
    ours = [record.getMessage() for record in caplog.records if record.name == "magiclink"]
    assert len(ours) == 2
    assert not [line for line in ours if link.token in line or str(ann) in line or ann.email in line]


def test_version_1(both: BothSites, ann: User) -> None:
    """`sesame.tokens_v1` `create_token`: its tokens have no scope, and are read beside those of version 2."""
    assert get_user(tokens_v1.create_token(ann)) == ann
    with pytest.raises(NotImplementedError):
        tokens_v1.create_token(ann, scope="report")
    with pytest.raises(InvalidLinkError):
        both.links.verify(tokens_v1.create_token(ann), INVOICE)


def test_what_a_token_tells(both: BothSites, ann: User) -> None:
    """`sesame.tokens_v2` `create_token`: the key and the time can be read there; here an expiry and 20 random bytes."""
    theirs = urlsafe_b64decode(tokens_v2.create_token(ann))
    assert int.from_bytes(theirs[:4], "big") == ann.pk
    assert tokens_v2.unpack_timestamp(theirs[4:])[0] < 60
    link = both.invoice(ann)
    first, second = (urlsafe_b64decode(each.token) for each in (link, both.invoice(ann)))
    assert int.from_bytes(first[5:9], "big") == link.expires_at.timestamp()
    assert first[:9] == second[:9]
    assert first[9:29] != second[9:29]


def test_what_is_refused_at_once(both: BothSites, settings: Settings) -> None:
    """`sesame.settings` `check`: theirs refuses settings that end no token; ours each policy as it is built."""
    settings.SESAME_MAX_AGE = None
    sesame_settings.check()
    settings.SESAME_INVALIDATE_ON_PASSWORD_CHANGE = False
    with pytest.raises(ImproperlyConfigured):
        sesame_settings.check()
    with pytest.raises(PolicyError):
        Policy(purpose="x", opens=Opens.ACCOUNT, lifetime=timedelta(days=1), session_lifetime=timedelta(hours=1))


def test_settings_that_change(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.settings` `load`: either follows `override_settings`; `MAGICLINK` is read anew at the next need."""
    settings.SESAME_TOKEN_NAME = "key"
    assert [*get_parameters(ann)] == ["key"]
    settings.MAGICLINK = {**settings.MAGICLINK, "HOME": "/invoices/1001"}
    browser = visitor()
    assert browser.press(browser.open(both.sign_in_by(SIGN_IN, ann).url))["Location"] == "/invoices/1001"
    assert text_of(browser.get("/")) == "signed in: ann"
