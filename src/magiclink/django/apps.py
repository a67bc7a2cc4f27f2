"""The app as Django knows it: `INSTALLED_APPS += ["magiclink.django"]`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, register
from django.utils.module_loading import import_string

from .i18n import _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class MagicLinkConfig(AppConfig):
    """`magiclink.django`, whose label is `magiclink`."""

    name: str = "magiclink.django"
    label: str = "magiclink"
    default_auto_field: str = "django.db.models.BigAutoField"
    verbose_name: _StrPromise = _("Magic links")

    def ready(self) -> None:
        """Listen to changes of passwords, and register what `manage.py check` runs."""
        from . import stamps  # noqa: PLC0415  # models can't be imported before

        stamps.connect(apps)
        register(partial(_check, "check_site"), "magiclink")
        register(partial(_check, "check_deployment"), "magiclink", deploy=True)


def _check(name: str, **options: Any) -> list[CheckMessage]:
    # Imported when it runs: most processes of a site never run a check.
    found: list[CheckMessage] = import_string(f"magiclink.django.checks.{name}")(**options)
    return found
