"""Where the databases that Django knows differ in what the store says to them; all else is said to all alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Dialect:
    """One database's words."""

    name: str
    lock: str = ""
    """What a SELECT ends with that locks the rows of subjects."""
    returning: bool = True
    """Whether an UPDATE can return what it wrote."""
    locks_in_place: bool = False
    """Whether an UPDATE can lock another table's row first, in the same statement."""
    begins: str = ""
    """What is said first in a transaction that writes."""
    isolates: str = ""
    """What is said first in one of our own where the connection's isolation level is another than READ COMMITTED."""

    def unless_there(self, column: str) -> str:
        """End an INSERT that leaves a row with the same key as it is."""
        if self.name == "mysql":
            # Not IGNORE, which makes warnings of all other errors too.
            return f"ON DUPLICATE KEY UPDATE {column} = {column}"
        return "ON CONFLICT DO NOTHING"

    def same(self, column: str, mark: str) -> str:
        """Compare so that nothing equals nothing."""
        word = {"sqlite": "IS", "postgresql": "IS NOT DISTINCT FROM"}.get(self.name, "<=>")
        return f"{column} {word} {mark}"


_DIALECTS = {
    # A write that changes nothing takes SQLite's write lock before anything is read: of two that read first and write
    # then, one is refused.
    "sqlite": Dialect("sqlite", begins="UPDATE magiclink_subjects SET number = number WHERE 1 = 0"),
    # Not FOR SHARE: later uses would overtake a revocation that waits, for as long as they keep coming.
    "postgresql": Dialect("postgresql", lock=" FOR NO KEY UPDATE", locks_in_place=True),
    # Under REPEATABLE READ, what is read after waiting for a lock is as old as the transaction's first read.
    "mysql": Dialect(
        "mysql", lock=" FOR UPDATE", returning=False, isolates="SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
    ),
}


def dialect_of(connection: Any) -> Dialect:
    """Return the words of a connection's database. Raises ConfigurationError for one whose locks aren't known."""
    known = _DIALECTS.get(connection.vendor)
    if known is None:
        told = "the Django store knows the locks of SQLite, PostgreSQL, MariaDB and MySQL, and not those of"
        raise ConfigurationError(f"{told} {connection.vendor}")
    return known
