"""Races over the SQLAlchemy keeper, harder than the contract's: many threads, many processes, one database."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from magiclink.stores import from_url
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race
from tests.stores.sqlalchemy_engines import KEEPERS, new_database, new_engine

if TYPE_CHECKING:
    from magiclink.records import Record

SCRIPT = Path(__file__).with_name("sqlalchemy_processes.py")
ROUNDS = 20


@pytest.mark.parametrize("keeper", KEEPERS)
def test_threads(keeper: str, tmp_path: Path) -> None:
    """F01: of 32 threads that use a link with three uses, exactly three win, each with its own count, 20 times."""
    with new_engine(keeper, tmp_path) as engine:
        store = SQLAlchemyStore(engine, create=True)
        for _ in range(ROUNDS if keeper == "postgresql" else 3):
            link = record(max_uses=3)
            assert store.add([link], now=NOW, renamed={})
            won = race(*[partial(store.consume, link.link_id, terms())] * 32)
            assert sorted(used.uses for used in won if used) == [1, 2, 3]


@pytest.mark.parametrize("keeper", KEEPERS)
def test_processes(keeper: str, tmp_path: Path) -> None:
    """F02: of 8 processes that use a one-shot link at once, exactly one wins, 20 times."""
    with new_database(keeper, tmp_path) as place, ExitStack() as stack:
        url = "sqlalchemy+" + place.render_as_string(hide_password=False)
        store = from_url(url)
        command = [sys.executable, str(SCRIPT), url]
        start = partial(subprocess.Popen[str], command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        racers = [stack.enter_context(start()) for _ in range(8)]
        assert [_line(racer) for racer in racers] == ["ready"] * 8
        for _ in range(ROUNDS if keeper == "postgresql" else 5):
            link = record(max_uses=1)
            assert store.add([link], now=NOW, renamed={})
            for racer in racers:
                _tell(racer, link)
            assert sorted(_line(racer) for racer in racers) == ["0"] * 7 + ["1"]
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.close()
        store.close()


@pytest.mark.parametrize("keeper", KEEPERS)
def test_use_racing_revocations(keeper: str, tmp_path: Path) -> None:
    """10: no link of a subject is used after its revocation has returned, though reissues and uses race with it."""
    with new_engine(keeper, tmp_path) as engine:
        store = SQLAlchemyStore(engine, create=True)
        for turn in range(ROUNDS if keeper == "postgresql" else 3):
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


def _tell(racer: subprocess.Popen[str], link: Record) -> None:
    assert racer.stdin is not None
    racer.stdin.write(f"{link.link_id.hex()}\n")
    racer.stdin.flush()


def _line(racer: subprocess.Popen[str]) -> str:
    assert racer.stdout is not None
    return racer.stdout.readline().strip()
