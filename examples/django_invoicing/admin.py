"""The books in the admin; the library's own admin shows the links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from .models import Contact, Customer, Invoice

if TYPE_CHECKING:
    from django.http import HttpRequest

    ContactBase = admin.ModelAdmin[Contact]
    CustomerBase = admin.ModelAdmin[Customer]
    InvoiceBase = admin.ModelAdmin[Invoice]
else:
    ContactBase = CustomerBase = InvoiceBase = admin.ModelAdmin


@admin.register(Customer)
class CustomerAdmin(CustomerBase):
    """Customers."""


@admin.register(Contact)
class ContactAdmin(ContactBase):
    """Contacts and staff; groups give the permissions."""

    list_display = ("address", "customer", "is_active", "is_staff")
    list_filter = ("customer", "is_active", "is_staff")
    search_fields = ("address",)
    fields = ("address", "customer", "is_active", "is_staff", "groups")

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        """Save a contact; a new one has no password, and `manage changepassword` sets one for staff."""
        if not change:
            obj.set_password(None)
        super().save_model(request, obj, form, change)


@admin.register(Invoice)
class InvoiceAdmin(InvoiceBase):
    """Invoices; payments are recorded at the desk, which also ends the links."""

    list_display = ("number", "title", "customer", "paid_at")
    readonly_fields = ("paid_at",)
