"""What MagicLinks is made with, each part checked once: ConfigurationError for what can't work.

Nothing is called here, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from ..errors import ConfigurationError
from ..policy import Policy
from ..stores.base import Store

T = TypeVar("T")

_STORE_CALLS = tuple(name for name in vars(Store) if not name.startswith("_"))


def by_purpose(policies: object) -> dict[str, Policy]:
    """Return each policy by its purpose; there is at least one, and one a purpose."""
    if isinstance(policies, str | bytes) or not isinstance(policies, Sequence) or not policies:
        raise ConfigurationError("policies: a sequence of at least one Policy")
    found: dict[str, Policy] = {}
    for policy in policies:
        of_type(policy, Policy, "policies: each a Policy")
        if policy.purpose in found:
            raise ConfigurationError(f"two policies have the purpose {policy.purpose}")
        if policy.code is not None or policy.passphrase:
            raise ConfigurationError(f"{policy.purpose}: short codes and passphrases aren't there yet")
        found[policy.purpose] = policy
    return found


def of_type(value: object, kind: type[T], wanted: str) -> T:
    """Return a value that is of this type; `wanted` says what was expected."""
    if not isinstance(value, kind):
        raise ConfigurationError(wanted)
    return value


def called(value: Any, name: str) -> Any:
    """Return something to call, or None."""
    if value is not None and not callable(value):
        raise ConfigurationError(f"{name}: something to call, or None")
    return value


def at_once(sink: Any) -> Any:
    """Return what hears events: nothing asynchronous."""
    # Nobody would await it: every event would be lost without a word.
    if iscoroutinefunction(sink):
        raise ConfigurationError("on_event is called and not awaited: a plain function, which may hand events on")
    return sink


def able(store: Any) -> Store:
    """Refuse what lacks a call of the contract, above all the one conditional write (C24)."""
    for name in _STORE_CALLS:
        call = getattr(store, name, None)
        if not callable(call) or iscoroutinefunction(call):
            raise ConfigurationError(f"store: {type(store).__name__} has no {name}() that answers at once")
    return cast("Store", store)
