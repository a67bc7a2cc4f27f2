"""A race over the SQLAlchemy store, harder than the contract's; those of every store are in `test_races.py`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race
from tests.stores.sqlalchemy.engines import STORES, new_engine

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 20


@pytest.mark.parametrize("store_name", STORES)
def test_use_racing_revocations(store_name: str, tmp_path: Path) -> None:
    """10: no link of a subject is used after its revocation has returned, though reissues and uses race with it."""
    with new_engine(store_name, tmp_path) as engine:
        store = SQLAlchemyStore(engine, create=True)
        for turn in range(ROUNDS if store_name == "postgresql" else 3):
            parent = record(subject=f"customer-{turn}")
            assert store.add([parent], now=NOW, renamed={})
            child = record(subject=parent.subject, number=2, generation=0, origin="remind", parent=parent.link_id)
            race(
                partial(store.revoke_subject, AUDIENCE, parent.subject, now=NOW, reason="left"),
                partial(store.add, [child], now=NOW, renamed={}),
                *[partial(store.consume, parent.link_id, terms(ends_others=True))] * 6,
            )
            before = store.get(AUDIENCE, parent.link_id)
            tried = [store.consume(link.link_id, terms()) for link in (parent, child)]
            assert tried == [None, None]
            assert store.get(AUDIENCE, parent.link_id) == before


@pytest.mark.parametrize("store_name", STORES)
def test_stores_that_open_at_once(store_name: str, tmp_path: Path) -> None:
    """Workers that start together all open their stores, though every self-test writes the same rows."""
    with new_engine(store_name, tmp_path) as engine, ThreadPoolExecutor(16) as pool:
        SQLAlchemyStore(engine, create=True)
        barrier = Barrier(16)

        def check() -> None:
            barrier.wait(60)
            SQLAlchemyStore(engine)

        for call in [pool.submit(check) for _ in range(16)]:
            call.result(120)
