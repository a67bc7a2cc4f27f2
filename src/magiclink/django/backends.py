"""Signing in by a link: `AUTHENTICATION_BACKENDS = [..., "magiclink.django.backends.MagicLinkBackend"]`.

Whether a link may be used was decided before. Here its Redemption, the proof, becomes the user whom it is for.
"""

# ruff: noqa: ARG002
# Django calls these methods, with what it has.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend

from ..policy import Opens
from ..values import Redemption
from .conf import adapter
from .directory import find_user

if TYPE_CHECKING:
    from django.http import HttpRequest


# The signatures are narrower than the base's on purpose: Django skips a backend that doesn't accept the credentials, so
# this one never sees a password.
class MagicLinkBackend(ModelBackend):
    """Authenticates by the Redemption of an account link; permissions are those of `ModelBackend`.

    It is a `ModelBackend`, so that a site without passwords needs no other. A subclass decides in
    `user_can_authenticate` who may sign in.
    """

    def authenticate(self, request: HttpRequest | None, magiclink: object = None) -> Any | None:  # type: ignore[override]
        """Return the active user whose link was redeemed, or None; a document's link signs nobody in.

        Raises StoreError if the users' database fails.
        """
        if not isinstance(magiclink, Redemption):
            return None
        policy = adapter().links.flows.policies.get(magiclink.purpose)
        if policy is None or policy.opens is not Opens.ACCOUNT:
            return None
        user = find_user(get_user_model()._default_manager.all(), magiclink.subject)
        return user if user is not None and self.user_can_authenticate(user) else None

    # ModelBackend's asynchronous twin asks for a password.
    async def aauthenticate(self, request: HttpRequest | None, magiclink: object = None) -> Any | None:  # type: ignore[override]
        """Do the same in an asynchronous view."""
        return await sync_to_async(self.authenticate)(request, magiclink=magiclink)
