"""What `manage.py check --deploy` says of a site that works and isn't safe, or won't be once there are two of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004  # Django's own name for it
from django.http.request import validate_host

from ..stores.memory import MemoryStore
from .checks import classes, opens_accounts
from .conf import adapter, read
from .middleware import MagicLinkMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .adapter import Adapter


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Check what a site needs beyond its developer's machine."""
    try:
        held = adapter()
    except Exception:  # noqa: BLE001  # `check_site` tells of it
        return []
    return [*_place(held), *_key(held), *_store(held), *_accounts(held), *_middleware()]


def _place(held: Adapter) -> Iterator[CheckMessage]:
    site = held.links.flows.site
    if not site.is_secure:
        yield Warning(
            f"base_url is {site.origin}: its links open on this machine alone.",
            hint="Give MagicLinks the https address at which customers reach the site.",
            id="magiclink.W001",
        )
    if not validate_host(site.host, settings.ALLOWED_HOSTS):
        yield Warning(
            f"The host of base_url, {site.host}, isn't among ALLOWED_HOSTS: every link is answered with 400.",
            hint="Add it to ALLOWED_HOSTS, or correct base_url.",
            id="magiclink.W004",
        )


def _key(held: Adapter) -> Iterator[CheckMessage]:
    texts = [key.to_text() for key in held.links.flows._keys]
    if any(text in source for source in _sources() for text in texts):
        yield Warning(
            "A key of MagicLinks stands in the site's source: whoever reads it can sign links.",
            hint='Make a new one by `manage.py magiclink keygen`, read it by os.environ["MAGICLINK_KEY"] or '
            "KeyRing.from_file, and drop the old one: it has been seen.",
            id="magiclink.W002",
        )


def _sources() -> Iterator[str]:
    """Return the texts in which a key may have been written out: those beside the settings, and beside LINKS."""
    said = read()["LINKS"]
    named = [getattr(settings, "SETTINGS_MODULE", None), said.rpartition(".")[0] if isinstance(said, str) else None]
    packages = {name.rpartition(".")[0] or name for name in named if name}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if file.endswith(".py") and (name in packages or name.rpartition(".")[0] in packages):
            yield Path(file).read_text("utf-8", errors="replace")


def _store(held: Adapter) -> Iterator[CheckMessage]:
    if isinstance(held.links.flows.store, MemoryStore):
        yield Warning(
            "Links are kept in memory: another worker doesn't know them, and a restart forgets them.",
            hint="Give MagicLinks a magiclink.django.store.DjangoStore().",
            id="magiclink.W003",
        )


def _accounts(held: Adapter) -> Iterator[CheckMessage]:
    if not opens_accounts(held):
        return
    if held.links.flows._security_stamp is None:
        yield Warning(
            "Some links open an account, and they outlive its password and its address.",
            hint="Give MagicLinks security_stamp=magiclink.django.stamps.security_stamp.",
            id="magiclink.W005",
        )
    if settings.SESSION_ENGINE == "django.contrib.sessions.backends.signed_cookies":
        yield Warning(
            "Some links open an account, and its session is a cookie that no server can end.",
            hint='Set SESSION_ENGINE to "django.contrib.sessions.backends.db" or another that is kept by the server.',
            id="magiclink.W006",
        )


def _middleware() -> Iterator[CheckMessage]:
    for place in classes(MagicLinkMiddleware)[:1]:
        before = [path for path in settings.MIDDLEWARE[:place] if not path.startswith("django.")]
        if before:
            yield Warning(
                f"{before[0]} stands before MagicLinkMiddleware, and sees every token in the address.",
                hint='Put "magiclink.django.middleware.MagicLinkMiddleware" right after '
                '"django.middleware.security.SecurityMiddleware".',
                id="magiclink.W007",
            )
