"""The books: customers, their contacts, invoices. A contact is a user of the site, who has no password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models

from magiclink import BadArgumentError
from magiclink.addresses import canonicalize

if TYPE_CHECKING:
    from datetime import datetime


class Customer(models.Model):
    """A company that gets invoices."""

    name: models.CharField[str, str] = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name

    def readers(self) -> models.QuerySet[Contact]:
        """Return the contacts who may get its invoices."""
        return Contact.objects.filter(customer=self, is_active=True).order_by("pk")


class ContactManager(BaseUserManager["Contact"]):
    """Makes contacts, and the supplier's own staff."""

    def create_user(self, address: str, customer: Customer | None = None, **more: Any) -> Contact:
        """Create a contact, who signs in by mail. Raises BadArgumentError for an address that is refused."""
        contact = self.model(address=canonicalize(address), customer=customer, **more)
        contact.set_password(None)
        contact.save(using=self._db)
        return contact

    def create_superuser(self, address: str, password: str | None = None, **more: Any) -> Contact:
        """Create a member of staff, who signs in to the admin by a password."""
        clerk = self.model(address=canonicalize(address), is_staff=True, is_superuser=True, **more)
        clerk.set_password(password)
        clerk.save(using=self._db)
        return clerk


class Contact(AbstractBaseUser, PermissionsMixin):  # type: ignore[misc]  # their Metas differ, as in Django's own
    """A person who gets a customer's invoices, or one of the staff; one that isn't active has left."""

    address: models.CharField[str, str] = models.CharField(max_length=254, unique=True)
    customer: models.ForeignKey[Customer | None, Customer | None] = models.ForeignKey(
        Customer, models.CASCADE, null=True, blank=True, related_name="contacts"
    )
    is_active: models.BooleanField[bool, bool] = models.BooleanField(default=True)
    is_staff: models.BooleanField[bool, bool] = models.BooleanField(default=False)

    objects: ClassVar[ContactManager] = ContactManager()
    USERNAME_FIELD = EMAIL_FIELD = "address"

    def clean(self) -> None:
        """Refuse, in every form, an address that the library refuses."""
        try:
            self.address = canonicalize(self.address)
        except BadArgumentError as error:
            raise ValidationError({"address": str(error)}) from None


class Invoice(models.Model):
    """An invoice of the supplier."""

    number: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(primary_key=True)
    customer: models.ForeignKey[Customer, Customer] = models.ForeignKey(
        Customer, models.PROTECT, related_name="invoices"
    )
    title: models.CharField[str, str] = models.CharField(max_length=200)
    cents: models.PositiveIntegerField[int, int] = models.PositiveIntegerField()
    paid_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Ordered by number."""

        ordering = ("number",)

    def __str__(self) -> str:
        return f"Invoice {self.number}, {self.title}"

    @property
    def resource(self) -> str:
        """The invoice as links name it."""
        return f"invoice:{self.number}"

    def get_absolute_url(self) -> str:
        """Return the path of its page."""
        return f"/invoices/{self.number}"
