"""T3, T4, T8, T12: what the core's calls cost above a digest, above bare statements of SQLite, and at import."""

from __future__ import annotations

import hmac
import os
import shutil
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from statistics import median
from time import time_ns
from typing import TYPE_CHECKING

from magiclink import CONFIRM_EMAIL, INVOICE, InvalidLinkError
from magiclink.stores.memory import MemoryStore
from magiclink.stores.sqlite import SQLiteStore

from .ground import USE, by_hand, drained, folder, issue, links_on, made, ordered, records_of, write
from .pairs import Row, ratio

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from magiclink import Link, MagicLinks

    from .pairs import Measures

ROUNDS = 1_000
MANY = 10_000

IMPORT = "from time import perf_counter as now; begun = now(); {}; print(now() - begun)"


def refusals() -> Iterator[Row]:
    """What isn't genuine is refused before the store is asked: a closed one would raise."""
    unit = partial(hmac.digest, os.urandom(32), os.urandom(40), "sha256")
    with links_on(MemoryStore()) as links:
        token = links.issue(INVOICE, subject="customer-7", resource="invoice:1001").token
    forged = ("B" if token[20] == "A" else "A").join((token[:20], token[21:]))
    for what, text, target in (("a forgery", forged, 2.5), ("1 MB", "A" * 1_000_000, 1.0)):
        found = ratio(partial(_refuse, links, text), unit, rounds=ROUNDS, calls=50)
        yield Row("T3", f"refuse {what}, links.redeem / hmac.digest", "≤", target, found)


def _refuse(links: MagicLinks, token: str) -> None:
    try:
        links.redeem(token, INVOICE)
    except InvalidLinkError:
        return
    raise AssertionError("it was redeemed")


def uses() -> Iterator[Row]:
    """Links that are used up once each, in two files with the same records."""
    with folder() as place:
        links_made = made(ROUNDS, place / "ours.db")
        shutil.copy(place / "ours.db", place / "hand.db")
        with links_on(SQLiteStore(place / "ours.db")) as links, by_hand(place / "hand.db") as db:
            ours = drained(partial(links.redeem, link.token, CONFIRM_EMAIL) for link in links_made)
            hand = drained(partial(_use, db, links.flows.audience, link) for link in links_made)
            found = ratio(hand, ours, rounds=ROUNDS)
    yield Row("T4", "SQLite: rate of links.redeem / of a bare UPDATE", "≥", 0.8, found)


def _use(db: sqlite3.Connection, audience: str, link: Link) -> None:
    values = {"audience": audience, "link_id": bytes.fromhex(link.link_id), "now": time_ns() // 1_000}
    [_] = db.execute(USE, values).fetchall()


def issues() -> Iterator[Row]:
    """Links one by one, each a transaction that writes three tables."""
    orders, records = ordered(ROUNDS), records_of(ROUNDS)
    with folder() as place:
        made(1, place / "hand.db")
        with links_on(SQLiteStore(place / "ours.db")) as links, by_hand(place / "hand.db") as db:
            ours = drained(partial(issue, links, order) for order in orders)
            hand = drained([write(db, [record]) for record in records])
            found = ratio(hand, ours, rounds=ROUNDS)
    yield Row("T4", "SQLite: rate of links.issue / of bare INSERTs", "≥", 0.75, found)


def bulk() -> Iterator[Row]:
    """A monthly run: one call, one transaction."""
    rounds = 5
    with folder() as place:
        made(1, place / "hand.db")
        with links_on(SQLiteStore(place / "ours.db")) as links, by_hand(place / "hand.db") as db:
            ours = drained(partial(links.issue_many, ordered(MANY)) for _ in range(rounds))
            hand = drained([write(db, records_of(MANY)) for _ in range(rounds)])
            found = ratio(ours, hand, rounds=rounds)
    yield Row("T8", "SQLite: links.issue_many of 10,000 / bare INSERTs", "≤", 1.2, found)


def imports() -> Iterator[Row]:
    """What an import adds to a bare interpreter, each in a process of its own."""
    ours, every = "import magiclink", "from magiclink import *"
    yield Row("T12", "import magiclink / import itsdangerous", "≤", 2.0, _import_ratio(ours))
    # Names are loaded when they are asked for: an app pays for those that it uses, and this is all of them.
    yield Row("T12", "from magiclink import * / import itsdangerous", "≤", 2.0, _import_ratio(every))
    for name, module in (("magic-link 1.0", "magic_link"), ("maglink 0.3", "maglink")):
        what = f"import {name} / import magiclink"
        if find_spec(module) is None:
            yield Row("T12", what, "≥", 1.0, None, f"not installed ({module})")
        else:
            yield Row("T12", what, "≥", 1.0, _import_ratio(f"import {module}", ours))


def _import_ratio(one: str, other: str = "import itsdangerous", rounds: int = 25) -> float:
    return median(_import_seconds(one) / _import_seconds(other) for _ in range(rounds))


def _import_seconds(statement: str) -> float:
    command = [sys.executable, "-c", IMPORT.format(statement)]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    )
    return float(ran.stdout)


MEASURES: Measures = (("T3", refusals), ("T4", uses), ("T4", issues), ("T8", bulk), ("T12", imports))
