"""Passwords for the tests of the security stamp: hashed years ago, rehashed at a login, and by what tells the two."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.test import override_settings

from magiclink.django.stamps import security_stamp


class Quick(PBKDF2PasswordHasher):
    """Django's hasher as it was years ago."""

    iterations = 2


class Slower(PBKDF2PasswordHasher):
    """The same one after an upgrade."""

    iterations = 3


class Slowest(PBKDF2PasswordHasher):
    """And after the next."""

    iterations = 4


MD5 = "django.contrib.auth.hashers.MD5PasswordHasher"


def hashed_by(*hashers: type | str) -> override_settings:
    """Hash passwords by the first of these, and know the others."""
    names = [each if isinstance(each, str) else f"tests.django.passwords.{each.__name__}" for each in hashers]
    return override_settings(PASSWORD_HASHERS=names)


def ann_of_old() -> User:
    """Return a user whose password was hashed years ago, as read from the database."""
    with hashed_by(Quick):
        made = User.objects.create_user("ann", "ann@acme.example", "correct horse")
    return User.objects.get(pk=made.pk)


def fresh(user: Any) -> Any:
    """Read a user anew, as every request does."""
    return type(user).objects.get(pk=user.pk)


def stamp(user: Any) -> str:
    """Return the stamp of a user who has one."""
    found = security_stamp(str(user.pk))
    assert found is not None
    return found


def sign_in(user: Any) -> None:
    """Sign in by the password, as a login form does; Django then rehashes what is out of date."""
    before = user.password
    assert authenticate(username=user.username, password="correct horse")
    assert fresh(user).password != before


def seem_rehashed(user: User) -> None:
    """Leave what Django's rehash leaves."""
    vars(user)["_password"] = None
