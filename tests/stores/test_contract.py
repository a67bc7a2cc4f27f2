"""The contract as a whole: every rule has a test, every test says which rule, and nothing hides another."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from magiclink.errors import BadArgumentError, StoreError
from magiclink.stores.memory import MemoryStore
from magiclink.testing import StoreContract
from magiclink.testing.contract.bench import race, raises, record, terms

TESTS = {name: getattr(StoreContract, name) for name in dir(StoreContract) if name.startswith("test_")}


def test_every_test_names_its_rule() -> None:
    """The sentence of each test begins with the number of the rule that it proves."""
    assert [name for name, test in TESTS.items() if not re.match(r"\d{1,2}: \S", test.__doc__ or "")] == []


def test_every_rule_has_tests() -> None:
    """None of the 17 rules is without a test."""
    assert {int((test.__doc__ or "").split(":")[0]) for test in TESTS.values()} == set(range(1, 18))


def test_no_test_hides_another() -> None:
    """No two parts of the contract have a test of the same name: the second would never run."""
    names = Counter(name for part in StoreContract.__mro__ for name in vars(part) if name.startswith("test_"))
    assert [name for name, times in names.items() if times > 1] == []


def test_store_is_required() -> None:
    """A subclass without `make_store` runs nothing, instead of passing."""
    with pytest.raises(NotImplementedError):
        _ = StoreContract().store


def test_store_is_closed() -> None:
    """The contract closes the store that a test has asked for, and none where it hasn't."""
    made: list[MemoryStore] = []

    class Contract(StoreContract):
        def make_store(self) -> MemoryStore:
            made.append(MemoryStore())
            return made[-1]

    contract = Contract()
    contract.teardown_method()
    assert made == []
    contract.store.check()
    contract.teardown_method()
    assert len(made) == 1
    with pytest.raises(StoreError):
        made[0].check()


def test_built_record() -> None:
    """A built link looks like a real one: a new id that begins with its expiry's seconds, a series that names it."""
    one, two, other = record(), record(), record(resource="invoice:1002", expires_at=2_000_000_000_000_000)
    assert one.link_id != two.link_id
    assert (one.series, len(one.series), len(one.link_id)) == (two.series, 16, 20)
    assert other.series != one.series
    assert other.link_id[:4] == (2_000_000_000).to_bytes(4, "big")
    assert terms().met_by(one)


def test_race_raises() -> None:
    """An exception of one racer is raised: a store that fails under racing doesn't pass."""

    def fail() -> None:
        raise StoreError("busy")

    with pytest.raises(StoreError, match="busy"):
        race(fail, fail)


def test_another_exception() -> None:
    """`raises` asks for one exception, and lets any other through."""
    assert raises(StoreError, MemoryStore().check) is False
    with pytest.raises(IndexError):
        raises(BadArgumentError, [].pop)
