"""The security stamp of the site's users: `MagicLinks(security_stamp=security_stamp)`.

A user's links end when the password or the address on file changes, and when the account is deactivated. They survive
Django's own rehash of a password that hasn't changed. In doubt the stamp changes: links end, none lives on.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.db import DatabaseError, router, transaction
from django.db.models.signals import pre_save

from ..events import logger
from .directory import convert_errors, find_user, is_active
from .models import PasswordRehash

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.apps.registry import Apps


def security_stamp(subject: str) -> str | None:
    """Return a text that changes with the user's password or address; None for an unknown or inactive user.

    It reads the database that is written to: a replica may not know yet that a password was changed. Raises StoreError
    if a database fails.
    """
    model = get_user_model()
    user = find_user(model._default_manager.using(router.db_for_write(model)), subject)
    if user is None or not is_active(user):
        return None
    with convert_errors():
        password = _make_password_stamp(user, user.password)
    address = getattr(user, user.get_email_field_name(), "")
    # The first part is 64 characters long: no two pairs look alike.
    return _digest(password + str(address or ""))


def connect(apps: Apps) -> None:
    """Listen to the saving of every user model."""
    for model in apps.get_models():
        if issubclass(model, AbstractBaseUser):
            pre_save.connect(remember_rehash, sender=model, dispatch_uid="magiclink.remember_rehash")


# The threat: whoever changes a stolen account's password must end the links that the thief has, so that a change taken
# for a rehash would be worse than a rehash taken for a change. Django rehashes only right after the old password was
# verified, in the setter of AbstractBaseUser.check_password and acheck_password, which leaves `_password` None on the
# instance (set_password leaves the text) and saves this one field; and only away from a hash that is out of date. All
# of it must be so. What is written by other ways (`update()`, SQL, another `save`) matches no row, and is a change.
def remember_rehash(
    sender: type[Any], instance: Any, using: str, update_fields: Collection[str] | None = None, **_: Any
) -> None:
    """Remember, just before Django saves a rehashed password, the stamp that it keeps."""
    if update_fields != {"password"} or "_password" not in vars(instance) or instance._password is not None:
        return
    if not issubclass(sender, get_user_model()):
        return
    old = sender._base_manager.using(using).filter(pk=instance.pk).values_list("password", flat=True).first()
    if old is None or _is_outdated(old) is not True or _is_outdated(instance.password) is not False:
        return
    try:
        alias = router.db_for_write(PasswordRehash, instance=instance)
        with transaction.atomic(using=alias):
            kept = {"password": _digest(instance.password), "stamp": _make_password_stamp(instance, old)}
            PasswordRehash._default_manager.using(alias).update_or_create(subject=str(instance.pk), defaults=kept)
    except DatabaseError as error:
        # Nobody is kept from signing in for it: the stamp changes, and the links end.
        logger.warning("a rehashed password wasn't remembered, and its user's links end: %s", type(error).__name__)


def _make_password_stamp(user: Any, password: str) -> str:
    """Return the digest of a stored password, or of the one that it was rehashed from."""
    digest = _digest(password)
    rehashes = PasswordRehash._default_manager.using(router.db_for_write(PasswordRehash, instance=user))
    kept = rehashes.filter(subject=str(user.pk), password=digest).values_list("stamp", flat=True).first()
    return kept or digest


def _is_outdated(password: str) -> bool | None:
    """Return whether Django would rehash this at the next login, as `django.contrib.auth.hashers.verify_password` does.

    None for what is no hash of a password (an unusable one, say): such is never rehashed, nor a rehash.
    """
    preferred = get_hasher("default")
    try:
        changed = identify_hasher(password).algorithm != preferred.algorithm
        return changed or preferred.must_update(password)
    except ValueError:
        return None


def _digest(text: str) -> str:
    # No key is needed, since a stored password is a salted hash: a row shows only whether two are equal.
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
