"""Where the databases differ in what the stores say to them; all else is said to all alike."""

from __future__ import annotations

from dataclasses import dataclass

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
    """Whether one statement can lock or write another table's row first."""
    begins: str = ""
    """What is said first in a transaction that writes."""
    isolates: str = ""
    """What is said first in one of our own where the connection's isolation level is another than READ COMMITTED."""
    quote: str = "`"
    """What a name stands in; SQLite takes an unknown name in double quotes for a text."""

    def ignore_conflict(self, column: str) -> str:
        """Return the end of an INSERT that leaves a row with the same key, which begins with `column`, as it is."""
        if self.name == "mysql":
            # Not IGNORE, which makes warnings of all other errors too.
            return f"ON DUPLICATE KEY UPDATE {column} = {column}"
        return "ON CONFLICT DO NOTHING"

    def match(self, column: str, placeholder: str) -> str:
        """Return the comparison in which NULL equals NULL."""
        word = {"sqlite": "IS", "postgresql": "IS NOT DISTINCT FROM"}.get(self.name, "<=>")
        return f"{column} {word} {placeholder}"

    def quote_name(self, column: str) -> str:
        """Return a column's name as it must be written where it is a word of the language: `key`, `by`."""
        return f"{self.quote}{column}{self.quote}"


_MYSQL = Dialect(
    # Under REPEATABLE READ, what is read after waiting for a lock is as old as the transaction's first read.
    "mysql",
    lock=" FOR UPDATE",
    returning=False,
    isolates="SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
)

_DIALECTS = {
    # A write that changes nothing takes SQLite's write lock before anything is read: of two that read first and write
    # then, one is refused.
    "sqlite": Dialect("sqlite", begins="UPDATE magiclink_subjects SET number = number WHERE 1 = 0"),
    # Not FOR SHARE: later uses would overtake a revocation that waits, for as long as they keep coming.
    "postgresql": Dialect("postgresql", lock=" FOR NO KEY UPDATE", locks_in_place=True, quote='"'),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}


def find_dialect(name: str) -> Dialect:
    """Return the words of a database. Raises ConfigurationError for one whose locks aren't known."""
    known = _DIALECTS.get(name)
    if known is None:
        raise ConfigurationError(
            f"the database is {name}, and how it locks isn't known: take PostgreSQL, MariaDB, MySQL or SQLite,"
            " or keep links in a store of their own (magiclink.stores.from_url)"
        )
    return known


def find_collation(name: str, *, is_mariadb: bool) -> str | None:
    """Return the collation by which a database compares text byte for byte; None where it does so by itself."""
    if name == "postgresql":
        return "C"
    if name in ("mysql", "mariadb"):
        # Of MySQL's collations the others that are called binary take "a" and "a " for one text.
        return "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
    return None
