"""Runs the contract's tests on stores that are broken on purpose: a module's `BROKEN` says which test sees which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink.testing import StoreContract

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink.stores.memory import MemoryStore


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each pair of a broken store and a test that must fail on it."""
    if "broken" in metafunc.fixturenames:
        table: dict[type[MemoryStore], str] = metafunc.module.BROKEN
        rows = [(broken, name) for broken, names in table.items() for name in names.split()]
        metafunc.parametrize(("broken", "name"), rows, ids=[f"{broken.__name__}-{name}" for broken, name in rows])


@pytest.fixture
def fails() -> Callable[[type[MemoryStore], str], bool]:
    """Return whether a test of the contract fails on a store, by a statement of its own and by no accident."""

    def failing(broken: type[MemoryStore], name: str) -> bool:
        class Contract(StoreContract):
            def make_store(self) -> MemoryStore:
                return broken()

        contract = Contract()
        try:
            getattr(contract, f"test_{name}")()
        except AssertionError:
            return True
        finally:
            contract.teardown_method()
        return False

    return failing
