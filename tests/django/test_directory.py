"""The site's users as accounts: who has an address on file, and whom a subject names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, connection
from django.test import override_settings

from magiclink import ConfigurationError, StoreError
from magiclink.django.directory import UserDirectory
from magiclink.web import Account
from tests.django.people.models import Guest, Member, Shopper

if TYPE_CHECKING:
    from django.db.models import QuerySet

pytestmark = pytest.mark.django_db

MEMBERS = override_settings(AUTH_USER_MODEL="people.Member")
SHOPPERS = override_settings(AUTH_USER_MODEL="people.Shopper")


def user(name: str, email: str, **fields: Any) -> User:
    """Put a user on file, exactly as written."""
    return User.objects.create(username=name, email=email, **fields)


def found(address: str) -> list[str]:
    """Return the addresses on file of whoever is found by one."""
    return [account.addresses[0] for account in UserDirectory().by_email(address)]


@pytest.mark.parametrize("on_file", ["ann@acme.example", "Ann@ACME.example", "ANN@acme.EXAMPLE"])
def test_other_case(on_file: str) -> None:
    """J17: letters A to Z are matched in either case, and the account has the spelling on file."""
    ann = user("ann", on_file)
    assert UserDirectory().by_email("ann@acme.example") == [Account(subject=str(ann.pk), addresses=(on_file,))]


@pytest.mark.parametrize("typed", ["ann@bücher.example", "ann@xn--bcher-kva.example", "ANN@XN--BCHER-KVA.example"])
@pytest.mark.parametrize("on_file", ["ann@bücher.example", "Ann@xn--bcher-kva.example"])
def test_domain_in_either_spelling(on_file: str, typed: str) -> None:
    """J20: a domain that isn't ASCII is found under both its spellings, however it was put on file."""
    user("ann", on_file)
    assert found(typed) == [on_file]


@pytest.mark.parametrize(
    "on_file",
    [
        "miſty@acme.example",
        "mısty@acme.example",
        "místy@acme.example",
        "misty@acme.ехample",
        "misty+tag@acme.example",
        "mi.sty@acme.example",
        " misty@acme.example",
        "misty@acme.example.",
        "m%@acme.example",
        "m____@acme.example",
        "",
    ],
)
def test_mailbox_of_another(on_file: str) -> None:
    """J21, J22: nothing but the case of A to Z is folded, and no wildcard of the database's is one."""
    user("other", on_file)
    assert found("misty@acme.example") == []


@pytest.mark.parametrize("typed", ["m%@acme.example", "m_sty@acme.example"])
def test_wildcard_that_was_typed(typed: str) -> None:
    """A wildcard of the database's means itself."""
    user("misty", "misty@acme.example")
    assert found(typed) == []


class Folding(UserDirectory):
    """A directory over a database that finds too much, as those that fold Unicode or accents do."""

    def users(self) -> QuerySet[Any]:
        """Return users whose filter by an address lets everybody pass."""
        users = super().users()
        users.filter = lambda *_: users  # type: ignore[method-assign]
        return users


def test_database_that_folds() -> None:
    """What a database finds by folding is compared again: a look-alike's owner isn't found by it."""
    user("one", "miſty@acme.example")
    user("two", "misty@acme.example")
    user("three", "no address")
    assert [account.addresses for account in Folding().by_email("misty@acme.example")] == [("misty@acme.example",)]


@pytest.mark.parametrize(
    "typed", ["", "ann", "ann@acme.example, bob@acme.example", "ann＠acme.example", "a\0@b.example"]
)
def test_no_address(typed: str) -> None:
    """J05: what is no address has no account."""
    user("ann", "ann@acme.example")
    assert found(typed) == []


def test_shared_address() -> None:
    """J24: everybody who shares an address is found, in the order of their keys, however the site orders its users."""

    class ByName(UserDirectory):
        def users(self) -> QuerySet[Any]:
            return super().users().order_by("username")

    made = [user(name, "ap@acme.example") for name in ("zoe", "ann", "bob")]
    for directory in (UserDirectory(), ByName()):
        assert [account.subject for account in directory.by_email("ap@acme.example")] == [str(u.pk) for u in made]


def test_mail_bomb() -> None:
    """Five accounts are found, and inactive ones take nobody's place."""
    for place in range(4):
        user(f"gone-{place}", "ap@acme.example", is_active=False)
    made = [user(f"ann-{place}", "ap@acme.example") for place in range(7)]
    subjects = [account.subject for account in UserDirectory().by_email("ap@acme.example")]
    assert subjects == [str(each.pk) for each in made[:5]]


def test_inactive_account() -> None:
    """J27: an inactive user is nobody by address, and found as inactive by subject."""
    gone = user("gone", "gone@acme.example", is_active=False)
    assert found("gone@acme.example") == []
    account = UserDirectory().by_subject(str(gone.pk))
    assert account == Account(subject=str(gone.pk), addresses=("gone@acme.example",), active=False)


def test_user_without_address() -> None:
    """A user with an empty address has none."""
    ann = user("ann", "")
    assert UserDirectory().by_subject(str(ann.pk)) == Account(subject=str(ann.pk), addresses=())


@pytest.mark.parametrize("spelling", [" {}", "{} ", "+{}", "0{}", "{}.0", "{}\n"])
def test_key_in_another_spelling(spelling: str) -> None:
    """A subject is compared exactly, whatever Python reads as the same number."""
    ann = user("ann", "ann@acme.example")
    assert UserDirectory().by_subject(str(ann.pk)) is not None
    assert UserDirectory().by_subject(spelling.format(ann.pk)) is None


@pytest.mark.parametrize(
    "subject", ["", "ann", "-1", "٧", "1_0", "9" * 255, "9" * 5000, "\0", "1\0", "\ud800", "1e3", "None", "invoice:1"]
)
def test_no_key(subject: str) -> None:
    """A subject that is no key of the model's, or nobody's, has no account, and raises nothing."""
    user("ann", "ann@acme.example")
    assert UserDirectory().by_subject(subject) is None


@MEMBERS
def test_model_with_other_names() -> None:
    """A model of the site's own is asked by its own field and key."""
    ann = Member.objects.create(mail="Ann@acme.example")
    account = Account(subject=str(ann.pk), addresses=("Ann@acme.example",))
    assert UserDirectory().by_email("ann@acme.example") == [account]
    assert UserDirectory().by_subject(str(ann.pk)) == account
    # The same UUID, as another text.
    assert UserDirectory().by_subject(ann.pk.hex) is None
    assert UserDirectory().by_subject(str(ann.pk).upper()) is None
    assert UserDirectory().by_subject(str(uuid4())) is None
    assert UserDirectory().by_subject("7") is None


@SHOPPERS
def test_model_without_address() -> None:
    """A user model that has no field for an address can't be asked for one, and says what to do."""
    Shopper.objects.create(name="ann")
    with pytest.raises(ConfigurationError, match="EMAIL_FIELD"):
        UserDirectory().by_email("ann@acme.example")
    with pytest.raises(ConfigurationError, match="Shopper has no field email: set EMAIL_FIELD"):
        UserDirectory().by_subject("ann")


@override_settings(AUTH_USER_MODEL="people.Guest")
def test_model_without_is_active() -> None:
    """A user model that has no `is_active` has active users alone, as Django's own backend has it."""
    guest = Guest.objects.create(email="ann@acme.example")
    account = Account(subject=str(guest.pk), addresses=("ann@acme.example",), active=True)
    assert UserDirectory().by_email("ann@acme.example") == [account]
    assert UserDirectory().by_subject(str(guest.pk)) == account


@MEMBERS
@pytest.mark.parametrize("error", [KeyError("a mistake"), FieldDoesNotExist("a mistake")])
def test_field_name_that_fails(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the site's own `get_email_field_name` raises passes through: it is no missing field."""
    member = Member.objects.create(mail="ann@acme.example")

    def fail() -> str:
        raise error

    monkeypatch.setattr(Member, "get_email_field_name", fail)
    with pytest.raises(type(error), match="a mistake"):
        UserDirectory().by_email("ann@acme.example")
    with pytest.raises(type(error), match="a mistake"):
        UserDirectory().by_subject(str(member.pk))


@SHOPPERS
def test_key_that_is_text() -> None:
    """A key that is a text is found by that text alone."""
    Shopper.objects.create(name="ann")

    class Nameless(UserDirectory):
        def account(self, user: Any) -> Account:
            return Account(subject=str(user.pk), addresses=())

    assert Nameless().by_subject("ann") == Account(subject="ann", addresses=())
    assert [Nameless().by_subject(each) for each in ("Ann", "ann ", "ann\0", "\ud800")] == [None] * 4


def test_fewer_users() -> None:
    """A subclass says whom links may be for."""
    staff, ann = user("staff", "ap@acme.example", is_staff=True), user("ann", "ap@acme.example")

    class Customers(UserDirectory):
        def users(self) -> QuerySet[Any]:
            return super().users().filter(is_staff=False)

    assert [account.subject for account in Customers().by_email("ap@acme.example")] == [str(ann.pk)]
    assert Customers().by_subject(str(staff.pk)) is None


def test_database_that_fails() -> None:
    """A database that fails is StoreError, for both questions: nobody is found or missing."""

    def fail(*_: object) -> None:
        raise DatabaseError("the connection is lost")

    directory = UserDirectory()
    with connection.execute_wrapper(fail):
        with pytest.raises(StoreError, match="users' database"):
            directory.by_email("ann@acme.example")
        with pytest.raises(StoreError, match="users' database"):
            directory.by_subject("1")
