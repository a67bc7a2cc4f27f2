"""The setting `MAGICLINK`, and the one adapter of the process that is built from it when it is first needed.

Nothing is read at import time, and nothing is decided: each value goes to where it is used, which checks it. When
`MAGICLINK` changes under `override_settings`, the next call builds a new adapter.
"""

from __future__ import annotations

from importlib import import_module
from inspect import isclass
from threading import RLock
from traceback import walk_tb
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from ..errors import ConfigurationError, MagicLinkError
from ..links import MagicLinks
from ..web.languages import SHIPPED
from ..web.options import Options, suggest
from .adapter import Adapter

DEFAULTS: dict[str, Any] = {
    **{name.upper(): None for name in (*Options.__annotations__, "defer", "landing", "signed_in_as")},
    "DIRECTORY": "magiclink.django.directory.UserDirectory",
    "MAILER": "magiclink.django.mail.DjangoMailer",
}
"""The value of each key that the site leaves out; None leaves it to the conversation. `LINKS` has no default."""

_EXAMPLE = 'write MAGICLINK = {"LINKS": "billing.links.links"} in the settings'

_TEXTS = {"HOME", "LANGUAGES", "REPLY_TO", "SENDER"}
"""Keys whose texts are values; those of all others are dotted paths."""

_RESET_BY = {"MAGICLINK", "AUTHENTICATION_BACKENDS", "DEFAULT_FROM_EMAIL", "LANGUAGE_CODE", "LANGUAGES"}
_lock = RLock()
_adapter: Adapter | None = None


def adapter() -> Adapter:
    """Return the one adapter of this process: `.links` are the site's MagicLinks, `.conversation` answers requests.

    Raises ConfigurationError for what can't work, as `read` and the conversation do.
    """
    global _adapter  # noqa: PLW0603  # built once, at the first need: settings can't be read at import time
    with _lock:
        if _adapter is None:
            _adapter = _build()
        return _adapter


def read() -> dict[str, Any]:
    """Return `MAGICLINK` as it is written, with the defaults of the keys that are left out.

    Raises ConfigurationError, which names the key, for one that is unknown and for missing `LINKS`.
    """
    written = getattr(settings, "MAGICLINK", None)
    if not isinstance(written, dict):
        got = "it is missing" if written is None else f"got a value of type {type(written).__name__}"
        raise ConfigurationError(f"MAGICLINK: wanted a dict, {got}: {_EXAMPLE}")
    known = ("LINKS", *DEFAULTS)
    for key in written.keys() - known:
        raise ConfigurationError(f"MAGICLINK: there is no option {key}{suggest(str(key).upper(), known)}")
    if written.get("LINKS") is None:
        raise ConfigurationError(f"MAGICLINK: LINKS is missing, the dotted path of the site's MagicLinks: {_EXAMPLE}")
    return {**DEFAULTS, **written}


def resolve(key: str) -> Any:
    """Return the object that a key of `MAGICLINK` names: an object is itself, a dotted path what it leads to.

    A class is called without arguments. Raises ConfigurationError, which names the key, for a path that leads nowhere
    and for a module that fails while it is loaded.
    """
    value = read()[key]
    if isinstance(value, str) and key not in _TEXTS:
        value = _import(key, value)
    return value() if isclass(value) else value


def _import(key: str, path: str) -> object:
    module, _, name = path.rpartition(".")
    if not module:
        raise ConfigurationError(f"{key}: wanted a dotted path such as billing.links.links, got {path!r}")
    try:
        return getattr(import_module(module), name)
    except MagicLinkError:
        # Our own messages are safe to show, and name the way out.
        raise
    except Exception as error:
        raise ConfigurationError(f"{key}: tried to import {path}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    """Return why an import failed: the kind of the error and where it was raised, never its message.

    The threat: the message may hold what the site's code read from its environment, such as a key.
    """
    frames = [(frame.f_globals.get("__name__"), frame.f_code, line) for frame, line in walk_tb(error.__traceback__)]
    loaded = [f", in {module}, line {line}" for module, code, line in frames if module and code.co_name == "<module>"]
    where = loaded[-1] if loaded else ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"no module {error.name}{where}"
    if isinstance(error, AttributeError) and not loaded:
        return f"the module has no {error.name}"
    # What os.environ lacks is the name of a variable, and no secret.
    argument = f": {error.args[0]!r}" if isinstance(error, KeyError) and frames[-1][0] == "os" else ""
    return f"{type(error).__name__}{argument}{where}"


def _build() -> Adapter:
    options = {key: resolve(key) for key in read()}
    links = options.pop("LINKS")
    if not isinstance(links, MagicLinks):
        got = type(links).__name__
        raise ConfigurationError(f"LINKS: wanted a MagicLinks or the dotted path of one, got a value of type {got}")
    # Django's own default is no address that a mail could come from.
    if not options["SENDER"] and settings.is_overridden("DEFAULT_FROM_EMAIL"):
        options["SENDER"] = settings.DEFAULT_FROM_EMAIL
    options["LANGUAGES"] = options["LANGUAGES"] or choose_languages()
    return Adapter(links, **{key.lower(): value for key, value in options.items() if value is not None})


def choose_languages() -> tuple[str, ...]:
    """Return those of the site's languages that the library has texts for, the site's own first."""
    tags = [settings.LANGUAGE_CODE, *(tag for tag, _ in settings.LANGUAGES)]
    shipped = {tag.lower(): tag for tag in tags if tag.lower().split("-")[0] in SHIPPED}
    return tuple(shipped.values()) or SHIPPED[:1]


def _reset(*, setting: str, **_: object) -> None:
    global _adapter  # noqa: PLW0603
    if setting in _RESET_BY:
        with _lock:
            _adapter = None


setting_changed.connect(_reset, dispatch_uid="magiclink.conf")
