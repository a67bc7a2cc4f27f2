"""The system checks of `manage.py check`, each with an id and the way out; `docs/django-checks.md` lists them.

An error means that a site can't work; a warning of `check --deploy`, that it isn't safe, or fails with a second worker.
No message holds a key, nor the message of an error of the site's own code, which may hold one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's own name for it
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host
from django.utils.module_loading import import_string

from ..errors import ConfigurationError, MagicLinkError
from ..policy import Opens
from ..stores.memory import MemoryStore
from .adapter import Adapter, has_backend
from .conf import adapter, read, resolve
from .directory import UserDirectory, find_email_field
from .middleware import MagicLinkMiddleware
from .views import is_answered

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE_TOKEN = "x" * 60


def check_site(**_: Any) -> list[CheckMessage]:
    """Return the errors that keep every link from working."""
    try:
        read()
    except ConfigurationError as error:
        hint = 'Set MAGICLINK = {"LINKS": "billing.links.links"} to the dotted path of the site\'s MagicLinks.'
        return [Error(str(error), hint, id="magiclink.E001")]
    try:
        found = adapter()
    except Exception as error:  # noqa: BLE001  # it is the site's own code that is called
        # Only our own messages are safe: others may hold what the site's code read from its environment.
        message = str(error) if isinstance(error, MagicLinkError) else type(error).__name__
        hint = "For the traceback: `from magiclink.django.conf import adapter; adapter()` in `manage.py shell`."
        return [Error(f"MAGICLINK can't be used: {message}.", hint, id="magiclink.E002")]
    return [*_check_routes(found), *(_check_sign_ins() if _opens_accounts(found) else ()), *_check_addresses()]


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Return the warnings about what a site needs on a server."""
    try:
        found = adapter()
    except Exception:  # noqa: BLE001  # `check_site` reports it
        return []
    sessions = _check_sessions(found) if _opens_accounts(found) else ()
    return [*_check_links(found), *sessions, *_check_middleware()]


def _opens_accounts(found: Adapter) -> bool:
    return any(policy.opens is Opens.ACCOUNT for policy in found.links.flows.policies.values())


def _check_routes(found: Adapter) -> Iterator[CheckMessage]:
    path = found.links.flows.site.path
    routes = getattr(settings, "ROOT_URLCONF", None)
    if not routes or not any(is_answered(each) and is_answered(each + _SAMPLE_TOKEN) for each in _list_mounts(path)):
        message = f"magiclink.django.urls don't answer at {path}, the path of base_url: every link leads to a 404 page."
        hint = (
            f'Add path("{path.lstrip("/")}", include("magiclink.django.urls")) to ROOT_URLCONF, before other routes '
            "that match this path. If the server has the application below a path of its own, leave that out."
        )
        yield Error(message, hint, id="magiclink.E003")


def _list_mounts(path: str) -> list[str]:
    """Return the paths that the application may see for that of base_url: only the server knows its own prefix."""
    root = settings.FORCE_SCRIPT_NAME
    if root is not None:
        root = root.rstrip("/") + "/"
        return ["/" + path.removeprefix(root)] if path.startswith(root) else []
    return [path[index:] for index, character in enumerate(path) if character == "/"]


def _check_sign_ins() -> Iterator[CheckMessage]:
    try:
        accepted = has_backend()
    except (ImportError, ImproperlyConfigured):
        accepted = False
    if not accepted:
        message = "Some links open an account, but no authentication backend accepts them."
        hint = 'Add "magiclink.django.backends.MagicLinkBackend" to AUTHENTICATION_BACKENDS.'
        yield Error(message, hint, id="magiclink.E004")
    sessions, users = _find_middleware(SessionMiddleware), _find_middleware(AuthenticationMiddleware)
    if not sessions or not users or sessions[0] > users[0]:
        message = "Some links open an account: MIDDLEWARE needs SessionMiddleware, and AuthenticationMiddleware later."
        hint = (
            'Put "django.contrib.sessions.middleware.SessionMiddleware" before '
            '"django.contrib.auth.middleware.AuthenticationMiddleware".'
        )
        yield Error(message, hint, id="magiclink.E005")


def _check_addresses() -> Iterator[CheckMessage]:
    try:
        if isinstance(resolve("DIRECTORY"), UserDirectory):
            find_email_field(get_user_model())
    except (ConfigurationError, ImproperlyConfigured) as error:
        hint = 'If nobody may ask for a mail, set MAGICLINK["DIRECTORY"] to None.'
        yield Error(str(error), hint, id="magiclink.E006")


def _check_links(found: Adapter) -> Iterator[CheckMessage]:
    flows = found.links.flows
    if not flows.site.is_secure:
        message = f"base_url is {flows.site.origin}: its links open on this machine alone."
        hint = "Give MagicLinks the https address at which customers reach the site."
        yield Warning(message, hint, id="magiclink.W001")
    if any(key.to_text() in source for source in _read_sources() for key in flows._keys):
        message = "A key of MagicLinks is written in the site's source: whoever reads it can sign links."
        hint = "Read a new one (`manage.py magiclink keygen`) by os.environ or KeyRing.from_file, and remove this one."
        yield Warning(message, hint, id="magiclink.W002")
    if isinstance(flows.store, MemoryStore):
        message = "Links are kept in memory: other workers don't know them, and a restart loses them."
        hint = "Give MagicLinks a magiclink.django.store.DjangoStore()."
        yield Warning(message, hint, id="magiclink.W003")
    if not validate_host(flows.site.host, settings.ALLOWED_HOSTS):
        message = f"ALLOWED_HOSTS doesn't include {flows.site.host}, the host of base_url: every link gets a 400 page."
        yield Warning(message, "Add it to ALLOWED_HOSTS, or correct base_url.", id="magiclink.W004")


def _read_sources() -> Iterator[str]:
    """Return the sources in which a key may be written: the modules beside the settings, and beside LINKS."""
    links = read()["LINKS"]
    modules = [getattr(settings, "SETTINGS_MODULE", None), links.rpartition(".")[0] if isinstance(links, str) else None]
    packages = {name.rpartition(".")[0] or name for name in modules if name}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if file.endswith(".py") and (name in packages or name.rpartition(".")[0] in packages):
            yield Path(file).read_text("utf-8", errors="replace")


def _check_sessions(found: Adapter) -> Iterator[CheckMessage]:
    if found.links.flows._security_stamp is None:
        message = "Some links open an account, and go on working after its password or address has changed."
        hint = "Give MagicLinks security_stamp=magiclink.django.stamps.security_stamp."
        yield Warning(message, hint, id="magiclink.W005")
    if settings.SESSION_ENGINE == "django.contrib.sessions.backends.signed_cookies":
        message = "Some links open an account, and its session is a cookie that the server can't end."
        hint = 'Set SESSION_ENGINE to "django.contrib.sessions.backends.db", or another that keeps them on the server.'
        yield Warning(message, hint, id="magiclink.W006")


def _check_middleware() -> Iterator[CheckMessage]:
    position = next(iter(_find_middleware(MagicLinkMiddleware)), 0)
    before = [path for path in settings.MIDDLEWARE[:position] if not path.startswith("django.")]
    if before:
        message = f"{before[0]} runs before MagicLinkMiddleware, and sees the token in the address of every link."
        hint = 'Put MagicLinkMiddleware right after "django.middleware.security.SecurityMiddleware".'
        yield Warning(message, hint, id="magiclink.W007")


def _find_middleware(base: type) -> list[int]:
    """Return the indices in MIDDLEWARE of a class and its subclasses."""
    return [index for index, path in enumerate(settings.MIDDLEWARE) if _is_subclass(path, base)]


def _is_subclass(path: str, base: type) -> bool:
    try:
        found = import_string(path)
    except ImportError:
        # Django raises it itself, when it starts.
        return False
    return isinstance(found, type) and issubclass(found, base)
