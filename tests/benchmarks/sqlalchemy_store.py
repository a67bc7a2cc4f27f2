"""T15: what a link costs over the app's own engine, beside the stores that have SQLite and PostgreSQL to themselves.

Both sides use databases of their own, on one disk or one server, with the same settings: WAL and `synchronous = FULL`
on SQLite, `synchronous_commit` on PostgreSQL.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event

from magiclink import CONFIRM_EMAIL
from magiclink.stores.postgres import PostgresStore
from magiclink.stores.sqlalchemy import SQLAlchemyStore
from magiclink.stores.sqlite import SQLiteStore
from tests.services import new_schema, postgres
from tests.stores.sqlalchemy.engines import new_database

from .ground import drained, folder, issue, links_on, ordered
from .pairs import Row, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink import MagicLinks
    from magiclink.stores.base import Store

    from .pairs import Call, Measures

ROUNDS = 500
TARGET = 0.60


@contextmanager
def links_in(name: str) -> Iterator[tuple[MagicLinks, MagicLinks]]:
    """Lend links over the app's engine, and over the store that has a database of this kind to itself."""
    with folder() as place, new_database(name, place) as url:
        engine = create_engine(url)
        if name == "sqlite":
            event.listen(engine, "connect", _set_up)
        own: Store = (
            SQLiteStore(place / "own.db") if name == "sqlite" else PostgresStore(postgres(), schema=new_schema())
        )
        store = SQLAlchemyStore(engine, create=True, dispose=True)
        with closing(own), links_on(store) as ours, links_on(own) as others:
            yield ours, others


def _set_up(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = FULL")


def uses(name: str, title: str) -> Iterator[Row]:
    """Links that are used up once each, those of one store and those of the other in turns."""
    with links_in(name) as both:
        ours, others = map(_redeem_each, both)
        found = ratio(others, ours, rounds=ROUNDS)
    yield Row("T15", f"SQLAlchemy on {title}: rate of links.redeem / of {title}'s own store", "≥", TARGET, found)


def _issue_each(links: MagicLinks) -> Call:
    return drained(partial(issue, links, order) for order in ordered(ROUNDS))


def _redeem_each(links: MagicLinks) -> Call:
    issued = links.issue_many(ordered(ROUNDS))
    return drained(partial(links.redeem, link.token, CONFIRM_EMAIL) for link in issued)


def issues(name: str, title: str) -> Iterator[Row]:
    """Links one by one."""
    with links_in(name) as both:
        ours, others = map(_issue_each, both)
        found = ratio(others, ours, rounds=ROUNDS)
    yield Row("T15", f"SQLAlchemy on {title}: rate of links.issue / of {title}'s own store", "≥", TARGET, found)


MEASURES: Measures = tuple(
    ("T15", partial(measure, name, title))
    for name, title in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL"))
    for measure in (uses, issues)
)
