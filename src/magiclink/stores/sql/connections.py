"""What the SQL text asks of a connection: statements, transactions, and a database's trouble in our words.

It knows no record and no rule. What an error of a driver says stays here: it may hold the values of a statement.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from ...errors import BadArgumentError, ConfigurationError, MagicLinkError, StoreError
from ..bindings import UNFIT, NotWrittenError
from .encoding import check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .dialects import Dialect

    Rows = Sequence[tuple[Any, ...]]

Trouble = type[ConfigurationError] | type[StoreError]
Errors = tuple[type[Exception], ...]
T = TypeVar("T")

RETRIES = 3
"""How often a transaction is run again that the database has undone for another one's sake."""

CHECK_RETRIES = 200
"""The same for a self-test, which writes the rows that all of them write: of workers that start together, each time one
gets through."""

_UNDONE = frozenset({"40001", "40P01", "1020", "1205", "1213"})
"""Serialization failure and deadlock: SQLSTATE on PostgreSQL, numbers of errors on MariaDB and MySQL."""

_MISSING = frozenset({"42P01", "42703", "1146", "1054"})
"""A table or a column that isn't there. SQLite has words for it, and no code."""

_MISSING_IN_SQLITE = re.compile("no such (table|column)|has no column")

_CODE = re.compile("[0-9][0-9A-Z]{3,4}|SQLITE_[A-Z_]+")


class Session(ABC):
    """An open connection, and its database's words."""

    __slots__ = ("dialect",)

    def __init__(self, dialect: Dialect) -> None:
        self.dialect: Dialect = dialect

    def ask(self, statement: str, values: Mapping[str, object]) -> Rows:
        """Run a statement and return its rows."""
        check(values)
        rows: Rows = self._execute(statement, values).fetchall()
        return rows

    def change(self, statement: str, values: Mapping[str, object]) -> int:
        """Run a statement and return how many rows it has met."""
        check(values)
        return int(self._execute(statement, values).rowcount)

    @abstractmethod
    def change_each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement for each of some rows, whose values have been checked."""

    @abstractmethod
    def _execute(self, statement: str, values: Mapping[str, object]) -> Any:
        """Run a statement and return what has its rows and their number."""


class Way(NamedTuple):
    """How some work is done."""

    writes: bool = True
    alone: bool = False
    """It's one statement, where the database returns what an UPDATE wrote: then it needs no transaction."""
    decides: bool = False
    """What it wrote must be committed when it returns."""
    trouble: Trouble = StoreError


_READ, _CHANGE, _WRITE = Way(writes=False), Way(alone=True), Way()


class Database(ABC):
    """The app's database, which runs some work in a transaction, and again where another one stood in its way."""

    unfit: ClassVar[Errors]
    """What is raised for a value that a column or the driver won't take."""
    refused: ClassVar[Errors]
    """What is raised for a row that is there already."""
    faults: ClassVar[Errors]
    """What is raised for all other trouble; the driver's own error is its cause."""
    way_out: ClassVar[str]
    """How the tables come to be."""

    def __init__(self) -> None:
        self._closed = False

    def read(self, work: Callable[[Session], T], trouble: Trouble = StoreError) -> T:
        """Do some work that only reads."""
        return self._try(work, _READ._replace(trouble=trouble))

    def change(self, work: Callable[[Session], T]) -> T:
        """Do some work that is one statement, and so its own transaction."""
        return self._try(work, _CHANGE)

    def write(self, work: Callable[[Session], T], trouble: Trouble = StoreError) -> T:
        """Do some work in one transaction, or in a savepoint of the one that is open."""
        return self._try(work, _WRITE._replace(trouble=trouble))

    def decide(self, work: Callable[[Session], T], *, alone: bool) -> T:
        """Do some work that must be committed when it returns. Raises ConfigurationError where it wouldn't be."""
        return self._try(work, Way(alone=alone, decides=True))

    def close(self) -> None:
        """Take no more calls."""
        self._closed = True

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """The database's words."""

    @property
    @abstractmethod
    def tables(self) -> Mapping[str, Sequence[str]]:
        """The columns of every table that must be there, by its name."""

    @abstractmethod
    def _run(self, work: Callable[[Session], T], way: Way) -> T:
        """Do some work once."""

    def _may_retry(self) -> bool:
        """Return whether nobody else's transaction is open, so that work may be done again."""
        return True

    def _try(self, work: Callable[[Session], T], way: Way) -> T:
        if self._closed:
            raise StoreError("the store is closed: open a new one")
        left = RETRIES if way.trouble is StoreError else CHECK_RETRIES
        while True:
            try:
                return self._run(work, way)
            except MagicLinkError:
                raise
            except self.unfit:
                raise BadArgumentError(UNFIT) from None
            except self.refused:
                raise NotWrittenError("the database refused a row that is there already") from None
            except self.faults as error:
                may_retry = self._may_retry()
                if not (may_retry and left and read_codes(error) & _UNDONE):
                    raise way.trouble(self._describe(error)) from None
            left -= 1

    def _describe(self, error: Exception) -> str:
        """Return what happened by names and codes; in the words of a driver there are values."""
        cause = error.__cause__ or error
        message = " ".join(["the database failed:", type(cause).__name__, *sorted(read_codes(error))])
        if read_codes(error) & _MISSING or _MISSING_IN_SQLITE.search(str(cause)):
            message += f". A table or a column is missing: {self.way_out}"
        return message


def read_codes(error: Exception) -> set[str]:
    """Return the codes by which a driver says what happened."""
    cause = error.__cause__ or error
    codes = [getattr(cause, name, None) for name in ("sqlstate", "pgcode", "sqlite_errorname")]
    return {str(code) for code in (*codes, *cause.args[:1]) if _CODE.fullmatch(str(code))}
