"""The app as Django knows it: `INSTALLED_APPS += ["magiclink.django"]`."""

from __future__ import annotations

from django.apps import AppConfig


class MagicLinkConfig(AppConfig):
    """`magiclink.django`, whose label is `magiclink`."""

    name = "magiclink.django"
    label = "magiclink"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Magic links"
