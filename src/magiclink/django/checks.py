"""The system checks of `manage.py check`: errors of a site that can't work, each with an id and the way out.

`docs/django-checks.md` lists them; those of `check --deploy` are in `checks_deploy.py`. No message holds a key, nor the
message of an error of the site's own code, which may hold one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404
from django.urls import resolve as resolve_path
from django.utils.module_loading import import_string

from ..errors import ConfigurationError, MagicLinkError
from ..policy import Opens
from .adapter import has_backend
from .conf import adapter, read, resolve
from .directory import UserDirectory, find_email_field
from .views import answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .adapter import Adapter

_SAMPLE_TOKEN = "x" * 60

_TRACEBACK = "For the traceback: `from magiclink.django.conf import adapter; adapter()` in `manage.py shell`."


def check_site(**_: Any) -> list[CheckMessage]:
    """Return the errors that keep every link from working."""
    try:
        read()
    except ConfigurationError as error:
        hint = 'Set MAGICLINK = {"LINKS": "billing.links.links"} to the dotted path of the site\'s MagicLinks.'
        return [Error(str(error), hint=hint, id="magiclink.E001")]
    try:
        found = adapter()
    except Exception as error:  # noqa: BLE001  # it is the site's own code that is called
        # Only our own messages are safe: others may hold what the site's code read from its environment.
        message = str(error) if isinstance(error, MagicLinkError) else type(error).__name__
        return [Error(f"MAGICLINK can't be used: {message}.", hint=_TRACEBACK, id="magiclink.E002")]
    return [*_check_routes(found), *_check_accounts(found), *_check_addresses()]


def opens_accounts(found: Adapter) -> bool:
    """Return whether a policy of this site opens an account."""
    return any(policy.opens is Opens.ACCOUNT for policy in found.links.flows.policies.values())


def find_middleware(base: type) -> list[int]:
    """Return the indices in MIDDLEWARE of a class and its subclasses."""
    return [index for index, path in enumerate(settings.MIDDLEWARE) if _is_subclass(path, base)]


def _is_subclass(path: str, base: type) -> bool:
    try:
        found = import_string(path)
    except ImportError:
        # Django raises it itself, when it starts.
        return False
    return isinstance(found, type) and issubclass(found, base)


def _check_routes(found: Adapter) -> Iterator[CheckMessage]:
    path = found.links.flows.site.path
    if not getattr(settings, "ROOT_URLCONF", None) or not any(map(_is_ours, _list_mounts(path))):
        yield Error(
            f"magiclink.django.urls don't answer at {path}, the path of base_url: every link leads to a 404 page.",
            hint=f'Add path("{path.lstrip("/")}", include("magiclink.django.urls")) to ROOT_URLCONF, before other '
            "routes that match this path. If the server has the application below a path of its own, leave that out.",
            id="magiclink.E003",
        )


def _list_mounts(path: str) -> list[str]:
    """Return the paths that the application may see for that of base_url: only the server knows its own prefix."""
    root = settings.FORCE_SCRIPT_NAME
    if root is not None:
        root = root.rstrip("/") + "/"
        return ["/" + path.removeprefix(root)] if path.startswith(root) else []
    return [path[index:] for index, character in enumerate(path) if character == "/"]


def _is_ours(path: str) -> bool:
    try:
        return all(resolve_path(each).func is answer for each in (path, path + _SAMPLE_TOKEN))
    except Resolver404:
        return False


def _has_backend() -> bool:
    try:
        return has_backend()
    except (ImportError, ImproperlyConfigured):
        return False


def _check_accounts(found: Adapter) -> Iterator[CheckMessage]:
    if not opens_accounts(found):
        return
    if not _has_backend():
        yield Error(
            "Some links open an account, but no authentication backend accepts them.",
            hint='Add "magiclink.django.backends.MagicLinkBackend" to AUTHENTICATION_BACKENDS.',
            id="magiclink.E004",
        )
    sessions, users = find_middleware(SessionMiddleware), find_middleware(AuthenticationMiddleware)
    if not sessions or not users or sessions[0] > users[0]:
        yield Error(
            "Some links open an account, but MIDDLEWARE lacks SessionMiddleware, or AuthenticationMiddleware after it.",
            hint='Put "django.contrib.sessions.middleware.SessionMiddleware" before '
            '"django.contrib.auth.middleware.AuthenticationMiddleware".',
            id="magiclink.E005",
        )


def _check_addresses() -> Iterator[CheckMessage]:
    directory = resolve("DIRECTORY")
    if not isinstance(directory, UserDirectory):
        return
    try:
        find_email_field(get_user_model())
    except (ConfigurationError, ImproperlyConfigured) as error:
        hint = 'If nobody may ask for a mail, set MAGICLINK["DIRECTORY"] to None.'
        yield Error(str(error), hint=hint, id="magiclink.E006")
