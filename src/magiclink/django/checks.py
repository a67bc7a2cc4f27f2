"""What `manage.py check` says of a site that can't work as it is set up: each with the way out, and an id of its own.

The list is `docs/django-checks.md`; what concerns a deployment alone stands in `checks_deploy.py`. No message holds a
key, and none says what an error of the site's own code said, which may hold one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string

from ..errors import ConfigurationError
from ..policy import Opens
from .adapter import signs_in
from .conf import adapter, read, value
from .directory import UserDirectory, email_field
from .views import answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .adapter import Adapter

_A_TOKEN = "x" * 60

_WHENCE = "To see where it comes from: `from magiclink.django.conf import adapter; adapter()` in `manage.py shell`."


def check_site(**_: Any) -> list[CheckMessage]:
    """Check what must be right before any link works."""
    try:
        read()
    except ConfigurationError as error:
        hint = 'Set MAGICLINK = {"LINKS": "billing.links.links"} to the dotted path of the site\'s MagicLinks.'
        return [Error(str(error), hint=hint, id="magiclink.E001")]
    try:
        held = adapter()
    except Exception as error:  # noqa: BLE001  # it is the site's own code that is imported
        # The message of another error than ours may hold what it found in the environment.
        said = str(error) if isinstance(error, ConfigurationError) else type(error).__name__
        return [Error(f"MAGICLINK can't be used: {said}.", hint=_WHENCE, id="magiclink.E002")]
    return [*_routes(held), *_accounts(held), *_addresses()]


def opens_accounts(held: Adapter) -> bool:
    """Return whether links of this site sign anybody in."""
    return any(policy.opens is Opens.ACCOUNT for policy in held.links.flows.policies.values())


def classes(wanted: type) -> list[int]:
    """Return the places in MIDDLEWARE at which a class or one of its subclasses stands."""
    return [place for place, path in enumerate(settings.MIDDLEWARE) if _is_class(path, wanted)]


def _is_class(path: str, wanted: type) -> bool:
    try:
        found = import_string(path)
    except ImportError:
        # Django says so by itself, when it starts.
        return False
    return isinstance(found, type) and issubclass(found, wanted)


def _routes(held: Adapter) -> Iterator[CheckMessage]:
    path = held.links.flows.site.path
    if not getattr(settings, "ROOT_URLCONF", None) or not any(map(_is_ours, _mounts(path))):
        yield Error(
            f"magiclink.django.urls don't answer at {path}, the path of base_url: its links lead nowhere.",
            hint=f'Add path("{path.lstrip("/")}", include("magiclink.django.urls")) to ROOT_URLCONF, above what else '
            "takes that path, less the path at which the server has the application.",
            id="magiclink.E003",
        )


def _mounts(path: str) -> list[str]:
    """Return the paths at which the application may see that of base_url; the server's own part is known by it alone."""
    root = settings.FORCE_SCRIPT_NAME
    if root is not None:
        root = root.rstrip("/") + "/"
        return ["/" + path.removeprefix(root)] if path.startswith(root) else []
    return [path[place:] for place, character in enumerate(path) if character == "/"]


def _is_ours(path: str) -> bool:
    try:
        return all(resolve(each).func is answer for each in (path, path + _A_TOKEN))
    except Resolver404:
        return False


def _signs_in() -> bool:
    try:
        return signs_in()
    except (ImportError, ImproperlyConfigured):
        return False


def _accounts(held: Adapter) -> Iterator[CheckMessage]:
    if not opens_accounts(held):
        return
    if not _signs_in():
        yield Error(
            "Some links open an account, and no backend signs anybody in by them.",
            hint='Add "magiclink.django.backends.MagicLinkBackend" to AUTHENTICATION_BACKENDS.',
            id="magiclink.E004",
        )
    sessions, users = classes(SessionMiddleware), classes(AuthenticationMiddleware)
    if not sessions or not users or sessions[0] > users[0]:
        yield Error(
            "Some links open an account, and MIDDLEWARE has no sessions, or no users after them.",
            hint='Put "django.contrib.sessions.middleware.SessionMiddleware" before '
            '"django.contrib.auth.middleware.AuthenticationMiddleware".',
            id="magiclink.E005",
        )


def _addresses() -> Iterator[CheckMessage]:
    directory = value("DIRECTORY")
    if not isinstance(directory, UserDirectory):
        return
    try:
        email_field(get_user_model())
    except (ConfigurationError, ImproperlyConfigured) as error:
        hint = 'Or set MAGICLINK["DIRECTORY"] to None where no mail may be asked for.'
        yield Error(str(error), hint=hint, id="magiclink.E006")
