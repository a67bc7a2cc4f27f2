"""The system checks of `manage.py check --deploy`: a site that works but isn't safe, or fails with a second worker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004  # Django's own name for it
from django.http.request import validate_host

from ..stores.memory import MemoryStore
from .checks import find_middleware, opens_accounts
from .conf import adapter, read
from .middleware import MagicLinkMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .adapter import Adapter


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Return the warnings about what a site needs on a server."""
    try:
        found = adapter()
    except Exception:  # noqa: BLE001  # `check_site` reports it
        return []
    return [
        *_check_host(found),
        *_check_key(found),
        *_check_store(found),
        *_check_accounts(found),
        *_check_middleware(),
    ]


def _check_host(found: Adapter) -> Iterator[CheckMessage]:
    site = found.links.flows.site
    if not site.is_secure:
        yield Warning(
            f"base_url is {site.origin}: its links open on this machine alone.",
            hint="Give MagicLinks the https address at which customers reach the site.",
            id="magiclink.W001",
        )
    if not validate_host(site.host, settings.ALLOWED_HOSTS):
        yield Warning(
            f"ALLOWED_HOSTS doesn't include {site.host}, the host of base_url: every link gets a 400 page.",
            hint="Add it to ALLOWED_HOSTS, or correct base_url.",
            id="magiclink.W004",
        )


def _check_key(found: Adapter) -> Iterator[CheckMessage]:
    texts = [key.to_text() for key in found.links.flows._keys]
    if any(text in source for source in _read_sources() for text in texts):
        yield Warning(
            "A key of MagicLinks is written in the site's source: whoever reads it can sign links.",
            hint='Make a new one by `manage.py magiclink keygen`, read it by os.environ["MAGICLINK_KEY"] or '
            "KeyRing.from_file, and remove the old one.",
            id="magiclink.W002",
        )


def _read_sources() -> Iterator[str]:
    """Return the sources in which a key may be written: the modules beside the settings, and beside LINKS."""
    links = read()["LINKS"]
    modules = [getattr(settings, "SETTINGS_MODULE", None), links.rpartition(".")[0] if isinstance(links, str) else None]
    packages = {name.rpartition(".")[0] or name for name in modules if name}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if file.endswith(".py") and (name in packages or name.rpartition(".")[0] in packages):
            yield Path(file).read_text("utf-8", errors="replace")


def _check_store(found: Adapter) -> Iterator[CheckMessage]:
    if isinstance(found.links.flows.store, MemoryStore):
        yield Warning(
            "Links are kept in memory: other workers don't know them, and a restart loses them.",
            hint="Give MagicLinks a magiclink.django.store.DjangoStore().",
            id="magiclink.W003",
        )


def _check_accounts(found: Adapter) -> Iterator[CheckMessage]:
    if not opens_accounts(found):
        return
    if found.links.flows._security_stamp is None:
        yield Warning(
            "Some links open an account, and go on working after its password or address has changed.",
            hint="Give MagicLinks security_stamp=magiclink.django.stamps.security_stamp.",
            id="magiclink.W005",
        )
    if settings.SESSION_ENGINE == "django.contrib.sessions.backends.signed_cookies":
        yield Warning(
            "Some links open an account, and its session is a cookie that the server can't end.",
            hint='Set SESSION_ENGINE to "django.contrib.sessions.backends.db" or another engine that keeps '
            "sessions on the server.",
            id="magiclink.W006",
        )


def _check_middleware() -> Iterator[CheckMessage]:
    for index in find_middleware(MagicLinkMiddleware)[:1]:
        before = [path for path in settings.MIDDLEWARE[:index] if not path.startswith("django.")]
        if before:
            yield Warning(
                f"{before[0]} runs before MagicLinkMiddleware, and sees the token in the address of every link.",
                hint='Put "magiclink.django.middleware.MagicLinkMiddleware" right after '
                '"django.middleware.security.SecurityMiddleware".',
                id="magiclink.W007",
            )
