"""What is said to each database, where it can't be seen from outside that it is said."""

from __future__ import annotations

from itertools import product

import pytest

from magiclink.stores.sql import statements
from magiclink.stores.sql.dialects import Dialect, find_dialect

SQLITE, POSTGRESQL, MYSQL = (find_dialect(name) for name in ("sqlite", "postgresql", "mysql"))


def consume(dialect: Dialect, *, limited: bool = True, stamped: bool = True, attempted: bool = True) -> str:
    """Return the statement of a use."""
    return statements.consume(dialect, limited=limited, stamped=stamped, attempted=attempted)


@pytest.mark.parametrize("statement", [consume(POSTGRESQL), statements.count_attempt(POSTGRESQL)])
def test_generation_before_the_wait(statement: str) -> None:
    """PostgreSQL locks the subject's row in the statement that writes, and compares with the generation it has then."""
    assert statement.startswith("WITH s AS MATERIALIZED (SELECT")
    assert "FOR NO KEY UPDATE OF subjects)" in statement
    assert "links.generation = s.latest RETURNING" in statement


@pytest.mark.parametrize("statement", [consume(SQLITE), statements.count_attempt(SQLITE)])
def test_second_statement(statement: str) -> None:
    """SQLite says it in one statement, which locks the whole file."""
    assert statement.startswith("UPDATE")
    assert " RETURNING audience, id, purpose" in statement


@pytest.mark.parametrize("statement", [consume(MYSQL), statements.count_attempt(MYSQL)])
def test_returning_on_mariadb(statement: str) -> None:
    """MariaDB and MySQL return nothing from an UPDATE."""
    assert "RETURNING" not in statement


@pytest.mark.parametrize(
    "has", [dict(zip(("limited", "stamped", "attempted"), on, strict=True)) for on in product((False, True), repeat=3)]
)
def test_condition_that_is_not_asked(has: dict[str, bool]) -> None:
    """7: what the terms have is a condition, and what they haven't is none; a stamp is always one."""
    statement = consume(SQLITE, **has)
    assert ("%(max_uses)s" in statement) is has["limited"]
    assert ("links.stamp = %(stamp)s" in statement) is has["stamped"]
    assert ("links.stamp IS NULL" in statement) is not has["stamped"]
    assert ("%(reclick_after)s" in statement) is has["attempted"]


def test_values_in_a_text() -> None:
    """As many subjects as are given are marked, in a statement that holds no value."""
    for dialect in (SQLITE, POSTGRESQL, MYSQL):
        assert statements.upsert_subjects(dialect, 2).count("%(subject") == 2
    assert statements.read_subjects(3).count("%(subject") == 3


def test_lock() -> None:
    """Subjects are locked in one order, where a database has such locks."""
    ends = [
        statements.lock_subjects(dialect, "%(a)s").partition("ORDER BY subject")[2]
        for dialect in (SQLITE, POSTGRESQL, MYSQL)
    ]
    assert ends == ["", " FOR NO KEY UPDATE", " FOR UPDATE"]
