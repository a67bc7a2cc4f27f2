"""The core's stage: one world over each store, with a clock that stands still and a store that is watched."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import wraps
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from magiclink import CLIENT_PORTAL, CONFIRM_EMAIL, INVOICE, SIGN_IN, STEP_UP, Key, KeyRing, MagicLinks, StoreError
from magiclink.stores.memory import MemoryStore
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing.clock import FrozenClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from magiclink import Event, Policy
    from magiclink.stores.base import Store

# No test fails on a clock: a busy machine is slow. What hangs is ended by the suite's own timeout.
settings.register_profile("magiclink", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("magiclink")

POLICIES = (INVOICE, SIGN_IN, CLIENT_PORTAL, CONFIRM_EMAIL, STEP_UP)
BASE_URL = "https://billing.example/l/"
RING = KeyRing(signing=Key(id=1, secret=sha256(b"the first key of these tests").digest()))


class WatchedStore:
    """A store that tells which calls it got, and fails where it is told to."""

    def __init__(self, store: Store) -> None:
        self.inner = store
        self.calls: list[str] = []
        self.faults: dict[str, Exception] = {}
        """By call: what is raised in its place, as often as it is called."""
        self.afterwards: dict[str, Exception] = {}
        """By call: what is raised once it has been done, as when the connection is lost before the answer."""
        self.before: dict[str, Callable[[], object]] = {}
        """By call: what somebody else does just before it, once."""

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.inner, name)

        @wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if name in self.faults:
                raise self.faults[name]
            if name in self.before:
                self.before.pop(name)()
            answer = call(*args, **kwargs)
            if name in self.afterwards:
                raise self.afterwards[name]
            return answer

        return watched


class WatchedClock(FrozenClock):
    """A clock that counts how often it is asked."""

    reads = 0

    def now(self) -> datetime:
        """Return the present instant."""
        self.reads += 1
        return super().now()


@dataclass
class World:
    """One app with its store, clock, accounts and listeners; `links()` makes the API over them, as often as wanted."""

    store: WatchedStore
    clock: WatchedClock = field(default_factory=WatchedClock)
    events: list[Event] = field(default_factory=list)
    stamps: dict[str, str | None] = field(default_factory=dict)

    def settings(self, *policies: Policy, **changed: Any) -> dict[str, Any]:
        """Return the arguments of MagicLinks and AsyncMagicLinks."""
        plain = {"keys": RING, "store": self.store, "base_url": BASE_URL, "clock": self.clock}
        return {**plain, "policies": policies or POLICIES, **changed}

    def links(self, *policies: Policy, **changed: Any) -> MagicLinks:
        """Make the synchronous API."""
        return MagicLinks(**self.settings(*policies, **changed))

    def listening(self, *policies: Policy, **changed: Any) -> MagicLinks:
        """Make one whose events are heard."""
        return self.links(*policies, on_event=self.events.append, **changed)

    def stamped(self, *policies: Policy, **changed: Any) -> MagicLinks:
        """Make one that asks for security stamps; of an unknown subject it is `first`."""
        return self.links(*policies, security_stamp=lambda subject: self.stamps.get(subject, "first"), **changed)

    def pop_events(self) -> list[str]:
        """Return the kinds of the events since the last call, in their order."""
        kinds = [event.kind.value for event in self.events]
        self.events.clear()
        return kinds

    def pop_calls(self) -> list[str]:
        """Return the store's calls since the last call, in their order."""
        calls = self.store.calls[:]
        self.store.calls.clear()
        return calls

    def fail(self, *calls: str) -> None:
        """Let these calls of the store fail until `heal`."""
        self.store.faults = {call: StoreError("the store is down") for call in calls}

    def heal(self) -> None:
        """Let every call of the store work again."""
        self.store.faults.clear()
        self.store.afterwards.clear()


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return a fresh world over each store."""
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "links.db")
    yield World(WatchedStore(store))
    store.close()


@pytest.fixture
def small_world() -> World:
    """Return a world in memory alone, where the store doesn't matter."""
    return World(WatchedStore(MemoryStore()))
