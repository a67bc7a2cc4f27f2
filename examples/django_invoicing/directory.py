"""Whom links may be mailed to when somebody asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink.django.directory import UserDirectory

from .models import Contact

if TYPE_CHECKING:
    from django.db.models import QuerySet


class Contacts(UserDirectory):
    """The customers' contacts without the staff, who sign in to the admin by a password."""

    def users(self) -> QuerySet[Contact]:
        """Return the contacts of customers."""
        return Contact.objects.filter(is_staff=False)
