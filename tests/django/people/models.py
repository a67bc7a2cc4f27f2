"""User models that sites write themselves, beside Django's own."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID, uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import User
from django.db import models


class Member(AbstractBaseUser):
    """A user with a key of random bits, an address under another name, and no permissions."""

    id: models.UUIDField[Any, UUID] = models.UUIDField(primary_key=True, default=uuid4)
    mail: models.CharField[str, str] = models.CharField(max_length=255)
    objects: ClassVar[BaseUserManager[Member]] = BaseUserManager()
    EMAIL_FIELD = "mail"
    USERNAME_FIELD = "mail"


class Shopper(AbstractBaseUser):
    """A user whose key is a text, and who has no address."""

    name: models.CharField[str, str] = models.CharField(max_length=40, primary_key=True)
    objects: ClassVar[BaseUserManager[Shopper]] = BaseUserManager()
    USERNAME_FIELD = "name"


class Guest(models.Model):
    """A user of a site that writes its own login: no `is_active`, no password, no `get_email_field_name`."""

    email: models.CharField[str, str] = models.CharField(max_length=255)


class Clerk(User):
    """Another view of Django's own users."""

    class Meta:
        """The same table."""

        proxy = True
