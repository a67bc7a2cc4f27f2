"""Checks of what MagicLinks is made with, each part once: ConfigurationError for what can't work.

Nothing is called here, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import iscoroutinefunction
from typing import Any, cast

from ..crypto.keys import KEYGEN, KeyRing
from ..errors import BadArgumentError, ConfigurationError, describe_type
from ..policy import Policy
from ..stores.base import Store
from .arguments import check_text

_STORE_CALLS = tuple(name for name in vars(Store) if not name.startswith("_"))


def check_keys(keys: object) -> KeyRing:
    """Return the ring of keys back."""
    if isinstance(keys, KeyRing):
        return keys
    way_out = f"is an environment variable missing? {KEYGEN}" if keys is None else "KeyRing.from_text(…) reads one"
    raise ConfigurationError(f"keys: wanted a KeyRing, got {describe_type(keys)}: {way_out}")


def index_policies(policies: object) -> dict[str, Policy]:
    """Return each policy by its purpose; there is at least one, and one a purpose."""
    if isinstance(policies, str | bytes) or not isinstance(policies, Sequence) or not policies:
        raise ConfigurationError(
            f"policies: a list or tuple of at least one Policy, such as (INVOICE, SIGN_IN); got {_describe(policies)}"
        )
    found: dict[str, Policy] = {}
    for policy in policies:
        if not isinstance(policy, Policy):
            raise ConfigurationError(f"policies: each a Policy, such as INVOICE; got {describe_type(policy)}")
        if policy.purpose in found:
            raise ConfigurationError(
                f"two policies have the purpose {policy.purpose}: replace(policy, purpose=…) gives one its own"
            )
        if policy.code is not None or policy.passphrase:
            raise ConfigurationError(f"{policy.purpose}: short codes and passphrases aren't there yet: leave them out")
        found[policy.purpose] = policy
    return found


def check_callable(value: Any, name: str) -> Any:
    """Return something to call, or None, back."""
    if value is not None and not callable(value):
        raise ConfigurationError(f"{name}: a function, or None; got {describe_type(value)}")
    return value


def check_event_sink(sink: Any) -> Any:
    """Return what hears events back: a plain function, or None."""
    # Nobody would await it: every event would be lost without a word.
    if iscoroutinefunction(check_callable(sink, "on_event")):
        raise ConfigurationError("on_event is called and not awaited: a plain function, which may hand events on")
    return sink


def check_clock(clock: Any) -> None:
    """Raise ConfigurationError for a clock that can't be asked."""
    if not callable(getattr(clock, "now", None)):
        raise ConfigurationError(
            f"clock: an object whose now() returns an aware datetime in UTC; got {describe_type(clock)}"
        )


def check_store(store: Any) -> Store:
    """Refuse what lacks a call of the contract, above all the one conditional write (C24)."""
    if isinstance(store, str):
        raise ConfigurationError("store: wanted a Store, got a str: magiclink.stores.from_url(…) opens one")
    for name in _STORE_CALLS:
        call = getattr(store, name, None)
        if not callable(call) or iscoroutinefunction(call):
            raise ConfigurationError(
                f"store: wanted a Store; {describe_type(store)} has no {name}() that answers at once"
            )
    return cast("Store", store)


def check_audience(audience: object) -> str:
    """Return the name of the site or tenant back."""
    try:
        return check_text(audience, "audience")
    except BadArgumentError as error:
        raise ConfigurationError(str(error)) from None


def _describe(policies: object) -> str:
    return "none" if isinstance(policies, Sequence) and not policies else describe_type(policies)
