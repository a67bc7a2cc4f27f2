"""The project's one app."""

from __future__ import annotations

from django.apps import AppConfig


class InvoicingConfig(AppConfig):
    """`examples.django_invoicing`, whose label is `invoicing`."""

    name = "examples.django_invoicing"
    label = "invoicing"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Invoicing"
