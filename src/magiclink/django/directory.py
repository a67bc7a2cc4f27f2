"""The site's users as the conversation's accounts: `UserDirectory`, over whatever model `AUTH_USER_MODEL` names.

It looks users up and decides nothing: who gets a mail, and at which address, is decided in `magiclink.web`. A subject
is `str(user.pk)`, in that one spelling.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DatabaseError
from django.db.models import Q

from ..addresses import canonicalize, fold_case
from ..errors import BadArgumentError, ConfigurationError, StoreError
from ..flows.arguments import check_text
from ..web.directory import MOST_ACCOUNTS, Account

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import QuerySet

    Users = QuerySet[Any]


class UserDirectory:
    """The `magiclink.web.Directory` of a Django site: its users, by their e-mail field and by their primary key.

    A subclass narrows or widens whom links may be mailed to by `users`, and tells of further addresses by `account`.
    Raises ConfigurationError for a user model without an e-mail field.
    """

    def users(self) -> Users:
        """Return the users whom links may be for; every one by default."""
        return get_user_model()._default_manager.all()

    def account(self, user: Any) -> Account:
        """Tell of one user: `str(pk)`, the address on file, and whether the account is active."""
        address = getattr(user, email_field(type(user)))
        return Account(subject=str(user.pk), addresses=(address,) if address else (), active=is_active(user))

    def by_email(self, address: str) -> Sequence[Account]:
        """Return the active accounts that have this address on file, in the order of their keys: at most five.

        Raises ConfigurationError, and StoreError where the database fails.
        """
        spelled = _spelled(address)
        if spelled is None:
            return []
        users = self.users()
        field = email_field(users.model)
        spellings = Q(**{f"{field}__iexact": spelled}) | Q(**{f"{field}__iexact": _as_written(spelled)})
        with answering():
            found = list(users.filter(spellings).order_by("pk"))
        # Databases fold as they please: PostgreSQL takes `ſ` for `s`, and MySQL `é` for `e`, other people's mailboxes.
        accounts = (self.account(user) for user in found if _spelled(getattr(user, field)) == spelled)
        return list(islice((account for account in accounts if account.active), MOST_ACCOUNTS))

    def by_subject(self, subject: str) -> Account | None:
        """Return the account of the user who has this primary key, or None. Raises as `by_email`."""
        user = find_user(self.users(), subject)
        return None if user is None else self.account(user)


def find_user(users: Users, subject: object) -> Any | None:
    """Return the user whose primary key is spelled so; None for everybody else, and for what is no key of this model.

    A number has many spellings (`7`, ` 7`, `٧`), and a subject one: what links were issued for is compared exactly.
    Raises StoreError where the database fails.
    """
    try:
        key = users.model._meta.pk.to_python(check_text(subject, "subject"))
    except (BadArgumentError, ValidationError):
        return None
    with answering():
        user = users.filter(pk=key).first()
    return user if user is not None and str(user.pk) == subject else None


def is_active(user: Any) -> bool:
    """Return whether a user may sign in, as Django's own backend does: a model that doesn't say lets everybody."""
    return bool(getattr(user, "is_active", True))


@contextmanager
def answering() -> Iterator[None]:
    """Turn a failure of the accounts' database into StoreError: nothing can be said now, and nothing is granted."""
    try:
        yield
    except DatabaseError as error:
        raise StoreError("the accounts' database failed") from error


def email_field(model: Any) -> str:
    """Return the name of a user model's e-mail field. Raises ConfigurationError where it has none."""
    named = getattr(model, "get_email_field_name", None)
    try:
        return str(model._meta.get_field(named() if named is not None else "email").name)
    except FieldDoesNotExist:
        raise ConfigurationError(
            f"{model.__name__} has no e-mail field: name one by EMAIL_FIELD, or write a directory of your own"
        ) from None


def _spelled(address: object) -> str | None:
    try:
        return fold_case(canonicalize(address))
    except BadArgumentError:
        return None


def _as_written(spelled: str) -> str:
    """Return an address with its domain as people write it, which may be how it was put on file."""
    local, _, domain = spelled.partition("@")
    return f"{local}@{domain.encode().decode('idna')}"
