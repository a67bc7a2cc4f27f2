"""The site's users as the conversation's accounts: `UserDirectory`, over the model that `AUTH_USER_MODEL` names.

It looks users up and decides nothing: `magiclink.web` decides who gets a mail, and at which address. A subject is
`str(user.pk)`, in exactly that spelling.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DatabaseError
from django.db.models import Q, QuerySet

from ..addresses import canonicalize, fold_case
from ..errors import BadArgumentError, ConfigurationError, StoreError
from ..flows.arguments import check_text
from ..web.directory import MOST_ACCOUNTS, Account

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Users = QuerySet[Any]


class UserDirectory:
    """The `magiclink.web.Directory` of a Django site: its users, by their e-mail field and by their primary key.

    A subclass overrides `users` to change whom links may be mailed to, and `account` to add further addresses. Raises
    ConfigurationError for a user model without an e-mail field.
    """

    def users(self) -> Users:
        """Return the users whom links may be for: all of them by default."""
        return get_user_model()._default_manager.all()

    def account(self, user: Any) -> Account:
        """Return the account of one user: `str(pk)`, the address on file, and whether it is active."""
        address = getattr(user, find_email_field(type(user)))
        return Account(subject=str(user.pk), addresses=(address,) if address else (), active=is_active(user))

    def by_email(self, address: str) -> Sequence[Account]:
        """Return the active accounts that have this address on file, ordered by primary key: at most five.

        Raises ConfigurationError, and StoreError if the database fails.
        """
        folded = _fold(address)
        if folded is None:
            return []
        users = self.users()
        field = find_email_field(users.model)
        spellings = Q(**{f"{field}__iexact": folded}) | Q(**{f"{field}__iexact": _decode_domain(folded)})
        with convert_errors():
            found = list(users.filter(spellings).order_by("pk"))
        # Databases fold more than we do: PostgreSQL `ſ` to `s`, MySQL `é` to `e`, which are other people's mailboxes.
        accounts = (self.account(user) for user in found if _fold(getattr(user, field)) == folded)
        return list(islice((account for account in accounts if account.active), MOST_ACCOUNTS))

    def by_subject(self, subject: str) -> Account | None:
        """Return the account of the user who has this primary key, or None. Raises as `by_email`."""
        user = find_user(self.users(), subject)
        return None if user is None else self.account(user)


def find_user(users: Users, subject: object) -> Any | None:
    """Return the user whose primary key has exactly this spelling, or None.

    Django reads `7`, ` 7` and `٧` as one number; a link was issued for one spelling, so that only that one counts.
    Raises StoreError if the database fails.
    """
    try:
        key = users.model._meta.pk.to_python(check_text(subject, "subject"))
    except (BadArgumentError, ValidationError):
        return None
    with convert_errors():
        user = users.filter(pk=key).first()
    return user if user is not None and str(user.pk) == subject else None


def is_active(user: Any) -> bool:
    """Return whether a user may sign in; True for a model without `is_active`, as in Django's own backend."""
    return bool(getattr(user, "is_active", True))


@contextmanager
def convert_errors() -> Iterator[None]:
    """Raise StoreError for a failure of the users' database: nothing is known then, and nothing is granted."""
    try:
        yield
    except DatabaseError as error:
        raise StoreError(f"the users' database failed ({type(error).__name__})") from error


def find_email_field(model: Any) -> str:
    """Return the name of a user model's e-mail field. Raises ConfigurationError if it has none."""
    ask = getattr(model, "get_email_field_name", None)
    # Outside of the `try`: an error of the site's own code is no missing field.
    name = "email" if ask is None else ask()
    try:
        return str(model._meta.get_field(name).name)
    except FieldDoesNotExist:
        raise ConfigurationError(
            f"{model.__name__} has no field {name}: set EMAIL_FIELD on the model to the name of its e-mail field, "
            'or MAGICLINK["DIRECTORY"] to a directory of your own'
        ) from None


def _fold(address: object) -> str | None:
    try:
        return fold_case(canonicalize(address))
    except BadArgumentError:
        return None


def _decode_domain(folded: str) -> str:
    """Return an address with its domain in Unicode, as people write it: it may be on file so."""
    local, _, domain = folded.partition("@")
    return f"{local}@{domain.encode().decode('idna')}"
