"""The security stamp of the site's users: what changes it, and that a rehash of the same password doesn't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from magiclink import StoreError
from magiclink.django.models import PasswordRehash
from magiclink.django.stamps import remember_rehash, security_stamp
from tests.django.passwords import (
    MD5,
    Quick,
    Slower,
    Slowest,
    ann_of_old,
    fresh,
    hashed_by,
    seem_rehashed,
    sign_in,
    stamp,
)
from tests.django.people.models import Clerk, Member, Shopper

if TYPE_CHECKING:
    from collections.abc import Callable
pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    """Return a user whose password was hashed years ago."""
    return ann_of_old()


def test_rehash(ann: User) -> None:
    """A login that rehashes the password by more iterations ends no link."""
    before = stamp(ann)
    with hashed_by(Slower):
        sign_in(ann)
        assert stamp(ann) == before
    assert PasswordRehash.objects.count() == 1


def test_rehash_by_another_algorithm(ann: User) -> None:
    """A login that rehashes the password by another algorithm ends no link."""
    before = stamp(ann)
    with hashed_by(MD5, Quick):
        sign_in(ann)
        assert stamp(ann) == before


def test_rehash_of_a_rehash(ann: User) -> None:
    """Rehash upon rehash, the stamp stays, and one row is enough to know."""
    before = stamp(ann)
    for hasher in (Slower, Slowest):
        with hashed_by(hasher):
            sign_in(fresh(ann))
    assert stamp(ann) == before
    assert PasswordRehash.objects.count() == 1


def test_rehash_that_changes_nothing(ann: User) -> None:
    """A login that rehashes nothing writes nothing."""
    with hashed_by(Quick):
        assert authenticate(username="ann", password="correct horse")
    assert not PasswordRehash.objects.exists()


def test_rehash_in_an_asynchronous_view(ann: User) -> None:
    """An asynchronous login rehashes as a synchronous one does."""
    before = stamp(ann)
    with hashed_by(Slower):
        assert async_to_sync(ann.acheck_password)("correct horse")
    assert fresh(ann).password.split("$")[1] == "3"
    assert stamp(ann) == before


def test_rehash_through_a_proxy(ann: User) -> None:
    """A login through another view of the same model is one of the same user."""
    before = stamp(ann)
    with hashed_by(Slower):
        assert Clerk.objects.get(pk=ann.pk).check_password("correct horse")
    assert fresh(ann).password.split("$")[1] == "3"
    assert stamp(ann) == before


def test_other_address(ann: User) -> None:
    """Another address on file changes the stamp; the name and the last login don't."""
    before = stamp(ann)
    ann.first_name = "Ann"
    ann.save()
    assert stamp(ann) == before
    ann.email = "ann@other.example"
    ann.save()
    assert stamp(ann) != before


def test_account_that_may_not_be_used(ann: User) -> None:
    """An inactive or a deleted user has none, nor has what names nobody."""
    ann.is_active = False
    ann.save()
    assert security_stamp(str(ann.pk)) is None
    ann.delete()
    assert [security_stamp(each) for each in (str(ann.pk), "", "customer-7", "\0")] == [None] * 4


def test_users_with_one_password() -> None:
    """Two users have two stamps, and what is given holds neither the hash nor the address."""
    ann = User.objects.create_user("ann", "ap@acme.example", "correct horse")
    bob = User.objects.create_user("bob", "ap@acme.example", "correct horse")
    assert stamp(ann) != stamp(bob)
    assert len(stamp(ann)) == 64


@override_settings(AUTH_USER_MODEL="people.Member")
def test_model_of_the_sites_own() -> None:
    """A model of the site's own has its stamps, with its own key and address; a rehash ends no link there either."""
    with hashed_by(Quick):
        ann = Member(mail="ann@acme.example")
        ann.set_password("correct horse")
        ann.save()
    before = stamp(ann)
    with hashed_by(Slower):
        assert fresh(ann).check_password("correct horse")
    assert stamp(ann) == before
    ann.mail = "ann@other.example"
    ann.save()
    assert stamp(ann) != before


@override_settings(AUTH_USER_MODEL="people.Shopper")
def test_model_without_address() -> None:
    """Where a model has no address, the password alone decides."""
    ann = Shopper(name="ann")
    ann.set_password("correct horse")
    ann.save()
    before = stamp(ann)
    ann.set_password("another")
    ann.save()
    assert stamp(ann) != before


def test_rehash_of_another_model() -> None:
    """A rehash in another model of users, whose keys may be the same, says nothing about the site's."""
    with hashed_by(Quick):
        ann = Member(mail="ann@acme.example")
        ann.set_password("correct horse")
        ann.save()
    with hashed_by(Slower):
        assert fresh(ann).check_password("correct horse")
    assert not PasswordRehash.objects.exists()


def test_rehash_of_another_user(ann: User) -> None:
    """What is remembered of one user's rehash says nothing about another one, who was given the same hash."""
    bob = User.objects.create_user("bob", ann.email)
    with hashed_by(Slower):
        sign_in(ann)
    User.objects.filter(pk=bob.pk).update(password=fresh(ann).password)
    before = stamp(bob)
    PasswordRehash.objects.all().delete()
    assert stamp(bob) == before


def test_row_that_was_not_saved() -> None:
    """What looks like a rehash of a row that isn't there is nobody's."""
    remember_rehash(User, User(pk=7, password=make_password("x")), using="default", update_fields={"password"})
    ghost = User(pk=7, password=make_password("x"))
    seem_rehashed(ghost)
    remember_rehash(User, ghost, using="default", update_fields={"password"})
    assert not PasswordRehash.objects.exists()


def failing(table: str, depths: list[int] | None = None) -> Callable[..., Any]:
    """Make every statement about a table fail, and tell how many savepoints deep."""

    def execute(run: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if table in sql:
            if depths is not None:
                depths.append(len(connection.savepoint_ids))
            raise DatabaseError("no such table")
        return run(sql, *rest)

    return execute


def test_database_that_fails(ann: User) -> None:
    """A database that fails is StoreError, never a stamp."""
    for table in ("auth_user", "magiclink_password_rehashes"):
        with connection.execute_wrapper(failing(table)), pytest.raises(StoreError, match="users' database"):
            security_stamp(str(ann.pk))


def test_rehash_that_is_not_remembered(ann: User, caplog: pytest.LogCaptureFixture) -> None:
    """A rehash that can't be remembered keeps nobody from signing in: the stamp changes, and the log says so."""
    before = stamp(ann)
    depths: list[int] = []
    fails = failing("magiclink_password_rehashes", depths)
    with hashed_by(Slower), transaction.atomic(), connection.execute_wrapper(fails):
        outside = len(connection.savepoint_ids)
        sign_in(ann)
    assert stamp(ann) != before
    assert "wasn't remembered" in caplog.text
    # PostgreSQL takes nothing more in a transaction in which a statement has failed, but for a savepoint before it.
    assert depths == [outside + 1]


class Elsewhere:
    """A router that keeps the tables of this app in another database."""

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        """Read from there too."""
        return "other" if model._meta.app_label == "magiclink" else None

    db_for_write = db_for_read


@pytest.mark.django_db(databases=["default", "other"])
def test_tables_in_another_database(ann: User) -> None:
    """A router that keeps the tables elsewhere is asked, and users stay where they are."""
    with override_settings(DATABASE_ROUTERS=[Elsewhere()]), hashed_by(Slower):
        before = stamp(ann)
        sign_in(ann)
        assert stamp(ann) == before
    assert PasswordRehash.objects.using("other").count() == 1
    assert not PasswordRehash.objects.using("default").exists()


@pytest.mark.django_db(databases=["default", "other"])
def test_users_in_another_database() -> None:
    """Users who live in another database are rehashed and remembered there."""
    with hashed_by(Quick):
        made = User(username="ann", email="ann@acme.example")
        made.set_password("correct horse")
        made.save(using="other")
    with hashed_by(Slower):
        assert User.objects.using("other").get(pk=made.pk).check_password("correct horse")
    assert PasswordRehash.objects.using("other").get().subject == str(made.pk)
    assert not PasswordRehash.objects.using("default").exists()


class Replicas:
    """A router whose reads go to a replica that lags behind."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        """Name the replica."""
        return "other"

    def db_for_write(self, model: Any, **_: Any) -> str:
        """Name the database itself."""
        return "default"


@pytest.mark.django_db(databases=["default", "other"])
def test_replica_that_lags(ann: User) -> None:
    """The stamp is read where it is written: a replica that knows the old password keeps no link alive."""
    with override_settings(DATABASE_ROUTERS=[Replicas()]):
        assert security_stamp(str(ann.pk)) is not None
        assert not User.objects.filter(pk=ann.pk).exists()
