"""Django-sesame's settings beside ours, in one site: what `from-django-sesame.md` says of each, on both sides."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import User
from django.test import override_settings
from sesame.utils import get_query_string, get_token, get_user

from magiclink import (
    INVOICE,
    SIGN_IN,
    ExpiredLinkError,
    InvalidLinkError,
    Key,
    KeyRing,
    PolicyError,
    RevokedLinkError,
    SupersededLinkError,
    UsedLinkError,
)
from tests.django.passwords import Quick, Slower, ann_of_old, fresh, hashed_by, sign_in
from tests.django.sesame_site import BothSites, visitor
from tests.django.site import page_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from magiclink import Link

pytestmark = pytest.mark.django_db


@pytest.fixture
def both(settings: Settings) -> BothSites:
    """Return a site with both."""
    return BothSites(settings)


@pytest.fixture
def ann() -> Iterator[User]:
    """Return a user with a password."""
    with hashed_by(Quick):
        yield ann_of_old()


def alive(both: BothSites, link: Link) -> bool:
    """Return whether a link to an invoice still works."""
    try:
        both.links.verify(link.token, INVOICE)
    except (RevokedLinkError, InvalidLinkError):
        return False
    return True


def test_time_that_is_over(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_MAX_AGE`: both end at the second; a shorter time works at once on what is out."""
    token, link = get_token(ann), both.invoice(ann)
    assert get_user(token) == ann
    settings.SESAME_MAX_AGE = 0
    assert get_user(token) is None
    day = replace(INVOICE, lifetime=timedelta(days=1))
    both.use(both.made(day))
    both.clock.tick(timedelta(days=1, seconds=-1))
    both.links.verify(link.token, day)
    both.clock.tick(timedelta(seconds=1))
    with pytest.raises(ExpiredLinkError):
        both.links.verify(link.token, day)


def test_time_that_is_made_longer(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_MAX_AGE`: a longer time revives a token that was over, and no link."""
    day = replace(INVOICE, lifetime=timedelta(days=1))
    links = both.made(day)
    settings.SESAME_MAX_AGE = 0
    token, link = get_token(ann), links.issue(day, subject=str(ann.pk))
    both.clock.tick(timedelta(days=1))
    assert get_user(token) is None
    settings.SESAME_MAX_AGE = 600
    assert get_user(token) == ann
    with pytest.raises(ExpiredLinkError):
        both.links.verify(link.token, INVOICE)


def test_time_without_end(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_MAX_AGE`: None is no end there, and no lifetime here; more than 10 minutes or 14 days is refused."""
    settings.SESAME_MAX_AGE = None
    assert get_user(get_token(ann)) == ann
    endless: Any = None
    with pytest.raises(PolicyError):
        replace(INVOICE, lifetime=endless)
    for policy, most in ((SIGN_IN, timedelta(minutes=10)), (INVOICE, timedelta(days=14))):
        assert replace(policy, lifetime=most).lifetime == most
        with pytest.raises(PolicyError):
            replace(policy, lifetime=most + timedelta(seconds=1))


def test_old_token_without_a_time(both: BothSites, ann: User, settings: Settings) -> None:
    """A token that was made without `SESAME_MAX_AGE` is refused once there is one: no way to let it run out."""
    settings.SESAME_MAX_AGE = None
    token = get_token(ann)
    settings.SESAME_MAX_AGE = 600
    assert get_user(token) is None


def test_one_time_of_a_user(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_ONE_TIME`: a sign-in by password ends every token of the user, and no link; one by a link its like."""
    settings.SESAME_ONE_TIME = True
    tokens = [get_token(ann), get_token(ann, scope="report")]
    first, another = (both.sign_in_by(SIGN_IN, ann) for _ in range(2))
    second = both.sign_in_by(SIGN_IN, ann, recipient="ann@home.example")
    assert visitor().client.login(username="ann", password="correct horse")
    assert [get_user(tokens[0]), get_user(tokens[1], scope="report")] == [None, None]
    both.links.redeem(first.token, SIGN_IN)
    both.links.redeem(second.token, SIGN_IN)
    with pytest.raises(SupersededLinkError):
        both.links.redeem(another.token, SIGN_IN)


def test_one_time_twice_at_once(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_ONE_TIME`: of two clicks at once both are taken there; of a link's two uses the second is refused."""
    settings.SESAME_ONE_TIME = True
    token, link = get_token(ann), both.sign_in_by(SIGN_IN, ann)
    assert [authenticate(sesame=token), authenticate(sesame=token)] == [ann, ann]
    both.links.redeem(link.token, SIGN_IN)
    with pytest.raises(UsedLinkError):
        both.links.redeem(link.token, SIGN_IN)


def test_password_that_changes(both: BothSites, ann: User) -> None:
    """`SESAME_INVALIDATE_ON_PASSWORD_CHANGE`: both die with the password, and what a link opened is closed."""
    token, link, customer = get_token(ann), both.invoice(ann, destination="/invoices/1001"), visitor()
    assert text_of(customer.open(link.url)) == "1001 for ann, signed in: AnonymousUser"
    ann.set_password("another")
    ann.save()
    assert get_user(token) is None
    assert not alive(both, link)
    assert page_of(customer.get("/invoices/1001")) == "403 closed"


def test_password_that_is_rehashed(both: BothSites, ann: User) -> None:
    """`SESAME_INVALIDATE_ON_PASSWORD_CHANGE`: Django's own rehash ends a token, and no link."""
    token, link = get_token(ann), both.invoice(ann)
    with hashed_by(Slower):
        sign_in(ann)
        assert get_user(token) is None
        assert alive(both, link)


def test_password_that_does_not_matter(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_INVALIDATE_ON_PASSWORD_CHANGE`: switched off, a token lives on; so does a link without the stamp."""
    settings.SESAME_INVALIDATE_ON_PASSWORD_CHANGE = False
    both.use(both.made(security_stamp=None))
    token, link = get_token(ann), both.invoice(ann)
    ann.set_password("another")
    ann.save()
    assert get_user(token) == fresh(ann)
    assert alive(both, link)


@pytest.mark.parametrize("watched", [False, True])
def test_address_that_changes(watched: bool, both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_INVALIDATE_ON_EMAIL_CHANGE`: a token dies with the address if that is switched on, a link always."""
    settings.SESAME_INVALIDATE_ON_EMAIL_CHANGE = watched
    token, link = get_token(ann), both.invoice(ann)
    User.objects.update(email="ann@home.example")
    assert get_user(token) == (None if watched else ann)
    assert not alive(both, link)


def test_new_key(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_KEY`: a new one ends every token; ours still reads the retired one, and ends links without a new one."""
    token, link = get_token(ann), both.invoice(ann)
    settings.SESAME_KEY = "new"
    assert get_user(token) is None
    both.use(both.made(keys=KeyRing(signing=Key.generate(id=2), retired=(both.key.signing,))))
    assert alive(both, link)
    both.links.revoke_all(policy=INVOICE)
    assert not alive(both, link)


def test_new_secret_key(both: BothSites, ann: User, settings: Settings) -> None:
    """`SECRET_KEY`: a new one ends every token, unless the old is among the fallbacks; links don't depend on it."""
    token, link, old = get_token(ann), both.invoice(ann), settings.SECRET_KEY
    settings.SECRET_KEY = "a new key of the tests, which guards nothing either"
    assert get_user(token) is None
    assert alive(both, link)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert get_user(token) == ann


def test_name_in_the_query(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_TOKEN_NAME`: theirs is a query; ours is the end of the path, and gone before a page is shown."""
    settings.SESAME_TOKEN_NAME = "key"
    assert get_query_string(ann) == f"?key={get_token(ann)}"
    link = both.invoice(ann, destination="/invoices/1001")
    assert link.url == f"https://billing.example/l/{link.token}"
    assert visitor().get(link.url)["Location"] == "/invoices/1001"


@pytest.mark.parametrize(
    ("name", "value"),
    [("SESAME_PACKER", "sesame.packers.LongPacker"), ("SESAME_PRIMARY_KEY_FIELD", "id"), ("SESAME_KEY", "new")],
)
def test_what_to_leave_alone(name: str, value: str, both: BothSites, ann: User, settings: Settings) -> None:
    """As long as old tokens are out, `SESAME_PACKER`, `SESAME_PRIMARY_KEY_FIELD` and `SESAME_KEY` stay as they are."""
    token = get_token(ann)
    setattr(settings, name, value)
    assert get_user(token) is None


def test_key_of_a_user_in_the_token(both: BothSites, settings: Settings) -> None:
    """`SESAME_PRIMARY_KEY_FIELD`, and `sesame.packers` `BasePacker`: theirs is there to read; ours names nobody."""
    ann = User.objects.create_user("ann-of-acme-and-sons", "ann@acme.example")
    settings.SESAME_PRIMARY_KEY_FIELD = "username"
    token = get_token(ann)
    assert get_user(token) == ann
    assert b"ann-of-acme-and-sons" in urlsafe_b64decode(token + "==")
    link = both.made(security_stamp=None).issue(INVOICE, subject="ann-of-acme-and-sons")
    assert b"ann-of-acme-and-sons" not in urlsafe_b64decode(link.token)


@override_settings(AUTH_USER_MODEL="people.Member")
def test_key_of_another_type(both: BothSites) -> None:
    """`SESAME_PACKER` and `sesame.packers` `UUIDPacker`: a key that isn't a number needs nothing here."""
    member = get_user_model()._default_manager.create(mail="ann@acme.example")
    assert both.links.redeem(both.links.issue(SIGN_IN, subject=str(member.pk)).token, SIGN_IN).subject == str(member.pk)
    token = get_token(member)
    assert urlsafe_b64decode(token + "==")[:16] == member.pk.bytes
    assert get_user(token) == member


def test_format_of_tokens(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_TOKENS`: theirs come in two formats; ours in one, whose first byte is its version."""
    assert ":" not in get_token(ann)
    settings.SESAME_TOKENS = ["sesame.tokens_v1", "sesame.tokens_v2"]
    assert ":" in get_token(ann)
    assert get_user(get_token(ann)) == ann
    assert urlsafe_b64decode(both.invoice(ann).token)[0] == 1


def test_length_of_tokens(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_SIGNATURE_SIZE`: theirs have 19 to 24 characters, and more for a longer signature; ours have 60."""
    assert (len(get_token(ann)), len(both.invoice(ann).token)) == (24, 60)
    settings.SESAME_MAX_AGE = None
    assert len(get_token(ann)) == 19
    settings.SESAME_SIGNATURE_SIZE = 16
    assert len(get_token(ann)) == 27


def test_salt_of_version_1(both: BothSites, ann: User, settings: Settings) -> None:
    """`SESAME_SALT`: it tells one use of tokens from another in version 1; purpose and audience do here."""
    settings.SESAME_TOKENS = ["sesame.tokens_v1"]
    token, link = get_token(ann), both.invoice(ann)
    settings.SESAME_SALT = "another"
    assert get_user(token) is None
    with pytest.raises(InvalidLinkError):
        both.links.verify(link.token, SIGN_IN)
    with pytest.raises(InvalidLinkError):
        both.made(audience="another").verify(link.token, INVOICE)
