"""What is a change of a password, however much it looks like Django's own rehash: the stamp changes, and links end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from magiclink import SIGN_IN, RevokedLinkError
from magiclink.django.stamps import security_stamp
from tests.django.desk import Desk
from tests.django.passwords import (
    Quick,
    Slower,
    ann_of_old,
    fresh,
    hashed_by,
    seem_rehashed,
    sign_in,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    """Return a user whose password was hashed years ago."""
    return ann_of_old()


def test_change_after_a_rehash(ann: User) -> None:
    """A password that is changed after a rehash is changed."""
    before = stamp(ann)
    with hashed_by(Slower):
        sign_in(ann)
        changed = fresh(ann)
        changed.set_password("another")
        changed.save()
    assert stamp(ann) != before


def by_set_password(user: User) -> None:
    """As Django's own forms do."""
    user.set_password("another")
    user.save()


def by_one_field(user: User) -> None:
    """The one field, as a rehash saves it."""
    user.set_password("another")
    user.save(update_fields=["password"])


def by_assignment(user: User) -> None:
    """A hash made elsewhere."""
    user.password = make_password("another")
    user.save(update_fields=["password"])


def by_assignment_after_a_login(user: User) -> None:
    """A hash made elsewhere, on an instance that has just been through a rehash."""
    assert user.check_password("correct horse")
    user.password = make_password("another")
    user.save(update_fields=["password"])


def by_update(user: User) -> None:
    """No instance, and no signal."""
    User.objects.filter(pk=user.pk).update(password=make_password("another"))


def by_unusable(user: User) -> None:
    """No password at all, on an instance that looks as after a rehash."""
    seem_rehashed(user)
    user.set_unusable_password()
    user.save(update_fields=["password"])


def by_garbage(user: User) -> None:
    """What is no hash, though it begins like one, on an instance that looks as after a rehash."""
    seem_rehashed(user)
    user.password = "pbkdf2_sha256$"
    user.save(update_fields=["password"])


def by_outdated(user: User) -> None:
    """A hash that is out of date itself, on an instance that looks as after a rehash."""
    seem_rehashed(user)
    user.password = Quick().encode("another", "somesaltsomesalt")
    user.save(update_fields=["password"])


def by_more_fields(user: User) -> None:
    """More than a rehash saves, on an instance that looks as after one."""
    seem_rehashed(user)
    user.password = make_password("another")
    user.save(update_fields=["password", "last_login"])


def by_the_same_password(user: User) -> None:
    """The same password, set again by the user."""
    user.set_password("correct horse")
    user.save()


CHANGES = [
    by_set_password,
    by_one_field,
    by_assignment,
    by_assignment_after_a_login,
    by_update,
    by_unusable,
    by_garbage,
    by_outdated,
    by_more_fields,
    by_the_same_password,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_change_taken_for_a_rehash(ann: User, change: Callable[[User], None]) -> None:
    """Whatever isn't exactly Django's own rehash changes the stamp, though the old hash is out of date."""
    before = stamp(ann)
    with hashed_by(Slower):
        change(ann)
    assert stamp(ann) != before


def test_change_of_a_password_in_date(ann: User) -> None:
    """Where there was nothing to rehash, what looks as after a rehash is a change."""
    before = stamp(ann)
    with hashed_by(Quick):
        seem_rehashed(ann)
        ann.password = make_password("another")
        ann.save(update_fields=["password"])
    assert stamp(ann) != before


def test_password_that_was_unusable() -> None:
    """The first password of a user who had none is a change."""
    ann = User.objects.create_user("ann", "ann@acme.example")
    before = stamp(ann)
    seem_rehashed(ann)
    ann.password = make_password("first")
    ann.save(update_fields=["password"])
    assert stamp(ann) != before


def test_change_that_a_rehash_raced(ann: User) -> None:
    """A rehash of a hash that has been replaced since it was read is none."""
    with hashed_by(Slower):
        changed = fresh(ann)
        changed.set_password("another")
        changed.save()
        before = stamp(ann)
        assert ann.check_password("correct horse")
        assert stamp(ann) != before


def test_links_that_outlive_a_password(settings: Settings, ann: User) -> None:
    """A link survives a rehash, in a one-shot use too, and dies with the password."""
    desk = Desk(settings)
    links = desk.made(SIGN_IN, security_stamp=security_stamp)
    kept, lost = (links.issue(SIGN_IN, subject=str(ann.pk)) for _ in range(2))
    with hashed_by(Slower):
        sign_in(ann)
        assert links.verify(lost.token, SIGN_IN).link_id == lost.link_id
        assert links.redeem(kept.token, SIGN_IN).subject == str(ann.pk)
        late = links.issue(SIGN_IN, subject=str(ann.pk))
        by_set_password(fresh(ann))
    with pytest.raises(RevokedLinkError) as caught:
        links.redeem(late.token, SIGN_IN)
    assert caught.value.reason == "account"
