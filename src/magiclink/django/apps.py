"""The app as Django knows it: `INSTALLED_APPS += ["magiclink.django"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig, apps
from django.core.checks import register

from .i18n import _

if TYPE_CHECKING:
    from django.core.checks import CheckMessage
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
        register(_check_site, "magiclink")
        register(_check_deployment, "magiclink", deploy=True)


# The checks are imported when they run: most processes of a site never run them.


def _check_site(**options: Any) -> list[CheckMessage]:
    from .checks import check_site  # noqa: PLC0415

    return check_site(**options)


def _check_deployment(**options: Any) -> list[CheckMessage]:
    from .checks import check_deployment  # noqa: PLC0415

    return check_deployment(**options)
