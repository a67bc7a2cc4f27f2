"""The tables of `stores/sql/schema.py` as SQLAlchemy knows them; `metadata` is what Alembic compares with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, MetaData, String, Table, types

from ..sql.dialects import find_collation
from ..sql.schema import TABLES, WORD
from ..sql.schema import Column as Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine


class Text(types.TypeDecorator[str]):
    """Text of at most so many characters, which the database compares byte for byte."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String
    cache_ok: bool | None = True

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size

    def __repr__(self) -> str:
        # Alembic writes it into a migration as it is shown.
        return f"Text({self.size})"

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the database's own type."""
        # A URL that begins with `mysql` may lead to MariaDB, which SQLAlchemy knows once it has asked the server.
        is_mariadb = dialect.name == "mariadb" or bool(getattr(dialect, "is_mariadb", False))
        collation = find_collation(dialect.name, is_mariadb=is_mariadb)
        return dialect.type_descriptor(String(self.size, collation=collation))


metadata: MetaData = MetaData()
"""Every table of the store; Alembic's `target_metadata` takes it beside the app's own."""


def _define(name: str, key: Sequence[str], columns: Mapping[str, Kind]) -> Table:
    fields: list[Column[Any]] = [
        Column(
            column,
            BigInteger() if kind.size is None else Text(kind.size),
            primary_key=column in key,
            nullable=kind.null,
            autoincrement=False,
        )
        for column, kind in columns.items()
    ]
    # InnoDB has transactions; without a rowid SQLite keeps a table in the order of its key.
    return Table(f"magiclink_{name}", metadata, *fields, mysql_engine="InnoDB", sqlite_with_rowid=False)


for _name, _table in TABLES.items():
    _define(_name, *_table)

meta: Table = _define("meta", ["name"], {"name": Kind(WORD), "value": Kind()})
