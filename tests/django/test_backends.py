"""Signing in by a link: its proof becomes the user whom it is for, or nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate, get_user, load_backend, login
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.test import override_settings

from magiclink import SIGN_IN, Redemption, StoreError
from magiclink.django.backends import MagicLinkBackend
from magiclink.stores.memory import MemoryStore
from tests.django.desk import BACKENDS, Desk, customer
from tests.django.people.models import Member

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(settings: Settings) -> Desk:
    """Return a site whose links are kept beside the database."""
    return Desk(settings, store=MemoryStore())


def redeemed(desk: Desk, user: Any) -> Redemption:
    """Redeem a sign-in link of a user."""
    link = desk.links.issue(SIGN_IN, subject=str(user.pk))
    return desk.links.redeem(link.token, SIGN_IN)


def test_account_link(desk: Desk) -> None:
    """Who has redeemed a sign-in link is its user, by this backend."""
    ann = customer()
    found = authenticate(magiclink=redeemed(desk, ann))
    assert found == ann
    assert found.backend == "magiclink.django.backends.MagicLinkBackend"


def test_account_link_in_an_asynchronous_view(desk: Desk) -> None:
    """An asynchronous view signs in the same user, and never by a password."""
    ann = customer(password="correct horse")
    assert async_to_sync(aauthenticate)(magiclink=redeemed(desk, ann)) == ann
    with pytest.raises(TypeError, match="username"):
        async_to_sync(MagicLinkBackend().aauthenticate)(None, username="ann", password="correct horse")  # type: ignore[call-arg]


def test_login(desk: Desk) -> None:
    """Django's own login takes the user, and finds it again on the next request."""
    ann = customer()
    request = HttpRequest()
    request.session = SessionStore()
    login(request, authenticate(magiclink=redeemed(desk, ann)))
    assert get_user(request) == ann
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert get_user(request).is_anonymous


def test_document_link(desk: Desk) -> None:
    """A link that opens a document signs nobody in, whatever its subject is."""
    ann = customer()
    link = desk.invoice(ann)
    [policy] = [each for each in desk.links.flows.policies.values() if each.purpose == link.purpose]
    assert authenticate(magiclink=desk.links.redeem(link.token, policy)) is None


def test_purpose_that_is_gone(desk: Desk) -> None:
    """A redemption of no policy of the site's signs nobody in."""
    assert authenticate(magiclink=replace(redeemed(desk, customer()), purpose="portal-of-old")) is None


@pytest.mark.parametrize("proof", [None, "", "1", 1, True, {"subject": "1"}])
def test_no_proof(desk: Desk, proof: object) -> None:
    """What is no Redemption proves nothing: least of all a token, or a user's key."""
    customer()
    assert authenticate(magiclink=proof) is None


def test_unknown_user(desk: Desk) -> None:
    """A subject that is nobody's key, or is spelled otherwise, signs nobody in."""
    ann = customer()
    proof = redeemed(desk, ann)
    for subject in ("0", "customer-7", f" {ann.pk}", f"0{ann.pk}", "\0"):
        assert authenticate(magiclink=replace(proof, subject=subject)) is None


def test_inactive_user(desk: Desk) -> None:
    """J27: a user who was deactivated after the click isn't signed in."""
    ann = customer()
    proof = redeemed(desk, ann)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert authenticate(magiclink=proof) is None


def test_users_of_a_subclass(desk: Desk) -> None:
    """A subclass says who may sign in by a link."""
    ann = customer()

    class NoStaff(MagicLinkBackend):
        def user_can_authenticate(self, user: Any) -> bool:
            return bool(super().user_can_authenticate(user)) and not user.is_staff

    proof = redeemed(desk, ann)
    assert NoStaff().authenticate(None, magiclink=proof) == ann
    User.objects.filter(pk=ann.pk).update(is_staff=True)
    assert NoStaff().authenticate(None, magiclink=proof) is None


def test_password(desk: Desk) -> None:
    """A password is for Django's own backend: this one is never given it."""
    customer(password="correct horse")
    assert getattr(authenticate(username="ann", password="correct horse"), "backend", None) == BACKENDS[0]
    with override_settings(AUTHENTICATION_BACKENDS=BACKENDS[1:]):
        assert authenticate(username="ann", password="correct horse") is None


@pytest.mark.parametrize("backends", [BACKENDS, BACKENDS[1:]], ids=["beside", "alone"])
def test_permissions(settings: Settings, desk: Desk, backends: list[str]) -> None:
    """Permissions are those of Django's own backend, whether it stands beside this one or not."""
    settings.AUTHENTICATION_BACKENDS = backends
    ann = customer()
    ann.user_permissions.add(Permission.objects.get(codename="view_link"))
    assert ann.get_all_permissions() == {"magiclink.view_link"}
    assert (ann.has_perm("magiclink.view_link"), ann.has_perm("magiclink.change_link")) == (True, False)


@override_settings(AUTH_USER_MODEL="people.Member")
def test_model_of_the_sites_own(desk: Desk) -> None:
    """A model of the site's own signs in by its own keys."""
    ann = Member.objects.create(mail="ann@acme.example")
    proof = redeemed(desk, ann)
    backend = load_backend("magiclink.django.backends.MagicLinkBackend")
    assert backend.authenticate(None, magiclink=proof) == ann
    assert backend.authenticate(None, magiclink=replace(proof, subject=ann.pk.hex)) is None


def test_database_that_fails(desk: Desk) -> None:
    """A database that fails is StoreError: the visitor may try again, and nobody is signed in."""
    proof = redeemed(desk, customer())

    def fail(*_: object) -> None:
        raise DatabaseError("the connection is lost")

    with connection.execute_wrapper(fail), pytest.raises(StoreError):
        authenticate(magiclink=proof)
