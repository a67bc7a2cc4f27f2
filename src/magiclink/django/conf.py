"""What the site says in `MAGICLINK`, and the one adapter of the process that is built of it at the first need.

Nothing is read at import time, and nothing is decided: each value goes to where it is meant for, which checks it. When
`MAGICLINK` changes under `override_settings`, the next need builds anew.
"""

from __future__ import annotations

from inspect import isclass
from threading import RLock
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..errors import ConfigurationError
from ..links import MagicLinks
from ..web.languages import SHIPPED
from .adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULTS: dict[str, Any] = {
    "ADMIT": None,
    "DEFER": None,
    "DESCRIBE": None,
    "DIRECTORY": "magiclink.django.directory.UserDirectory",
    "HOME": None,
    "LANDING": None,
    "LANGUAGES": None,
    "LIMITS": None,
    "MAILER": "magiclink.django.mail.DjangoMailer",
    "REPLY_TO": None,
    "SENDER": None,
    "SIGNED_IN_AS": None,
    "SIGN_IN": None,
    "TRANSLATIONS": None,
}
"""What each key is where the site says nothing; None leaves it to the conversation. `LINKS` has no default."""

_TEXTS = {"HOME", "LANGUAGES", "REPLY_TO", "SENDER"}
"""Keys whose texts are what they say; those of all others are dotted paths."""

_FORGOTTEN_WITH = {"MAGICLINK", "AUTHENTICATION_BACKENDS", "DEFAULT_FROM_EMAIL", "LANGUAGE_CODE", "LANGUAGES"}
_lock = RLock()
_porch: Adapter | None = None


def adapter() -> Adapter:
    """Return the one adapter of this process: `.links` are the site's MagicLinks, `.conversation` what answers.

    Raises ConfigurationError for what can't work, as `read` and the conversation do.
    """
    global _porch  # noqa: PLW0603  # built once, at the first need: settings can't be read at import time
    with _lock:
        if _porch is None:
            _porch = _built()
        return _porch


def read() -> dict[str, Any]:
    """Return `MAGICLINK` as it is written, with the defaults of what it doesn't say.

    Raises ConfigurationError, which names the key, for one that is unknown and for missing `LINKS`.
    """
    said = getattr(settings, "MAGICLINK", None)
    if not isinstance(said, dict):
        raise ConfigurationError('MAGICLINK: a dict such as {"LINKS": "billing.links.links"}, among the settings')
    for key in said:
        if key not in {"LINKS", *DEFAULTS}:
            raise ConfigurationError(f"MAGICLINK: there is no {key!r}")
    if said.get("LINKS") is None:
        raise ConfigurationError("MAGICLINK: LINKS is missing, the dotted path of the site's MagicLinks")
    return {**DEFAULTS, **said}


def value(key: str) -> Any:
    """Return what a key of `MAGICLINK` stands for: an object is itself, a dotted path what it leads to.

    A class is called without arguments. Raises ConfigurationError, which names the key, for a path that leads nowhere.
    """
    return _value(key, read()[key])


def _value(key: str, said: Any) -> Any:
    if isinstance(said, str) and key not in _TEXTS:
        try:
            said = import_string(said)
        except ImportError as error:
            raise ConfigurationError(f"MAGICLINK: {key} can't be imported") from error
    return said() if isclass(said) else said


def _built() -> Adapter:
    given = {key: _value(key, said) for key, said in read().items()}
    links = given.pop("LINKS")
    if not isinstance(links, MagicLinks):
        raise ConfigurationError("MAGICLINK: LINKS is no magiclink.MagicLinks")
    given["SENDER"] = given["SENDER"] or _sender()
    given["LANGUAGES"] = given["LANGUAGES"] or languages()
    return Adapter(links, **{key.lower(): each for key, each in given.items() if each is not None})


def _sender() -> str | None:
    # Django's own default is no address that a mail could come from.
    return settings.DEFAULT_FROM_EMAIL if settings.is_overridden("DEFAULT_FROM_EMAIL") else None


def languages() -> Sequence[str]:
    """Return those of the site's languages that the library speaks by itself, the site's own first."""
    tags = [settings.LANGUAGE_CODE, *(tag for tag, _ in settings.LANGUAGES)]
    spoken = {tag.lower(): tag for tag in tags if tag.lower().split("-")[0] in SHIPPED}
    return tuple(spoken.values()) or SHIPPED[:1]


def _forget(*, setting: str, **_: object) -> None:
    global _porch  # noqa: PLW0603
    if setting in _FORGOTTEN_WITH:
        with _lock:
            _porch = None


setting_changed.connect(_forget, dispatch_uid="magiclink.conf")
