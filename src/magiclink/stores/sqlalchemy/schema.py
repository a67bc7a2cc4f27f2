"""The tables of the SQLAlchemy store, in the app's own database; `metadata` is what Alembic compares with.

Every name begins with `magiclink_`. Text is compared byte for byte by every database: PostgreSQL is told so by a
collation, and MariaDB and MySQL, of whose collations even the binary ones ignore final spaces, keep it as bytes. What a
column can't hold is refused here, before a database that isn't strict cuts it or clamps it. No statement stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, types
from sqlalchemy.dialects import mysql, postgresql, sqlite

from ...errors import BadArgumentError

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

MYSQL: frozenset[str] = frozenset({"mysql", "mariadb"})
"""What SQLAlchemy calls the two databases that speak MySQL's language."""

LONGEST = 1020
"""Bytes of a text that the library takes from the app: 255 characters, of 4 bytes at most in UTF-8."""

VERSION = 2
"""The version of these tables, kept in `magiclink_meta`: an older library refuses newer tables."""

_LARGEST = 2**63 - 1


class Text(types.TypeDecorator[str]):
    """Text of at most `size` bytes in UTF-8, compared byte for byte. Binding another raises BadArgumentError."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = types.Text
    cache_ok: bool | None = True

    def __init__(self, size: int = LONGEST) -> None:
        super().__init__()
        self.size = size

    def __repr__(self) -> str:
        # Alembic writes it into a migration as it is shown.
        return f"Text({self.size})"

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the database's own type."""
        if dialect.name in MYSQL:
            return dialect.type_descriptor(mysql.VARBINARY(self.size))
        return dialect.type_descriptor(types.Text(collation="C" if dialect.name == "postgresql" else None))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Return what the driver is handed."""
        if value is None:
            return None
        encoded = value.encode("utf-8", "replace")
        # With `replace` a lone surrogate became a question mark, which is shorter than what it stands for.
        if encoded.decode() != value or "\0" in value or len(encoded) > self.size:
            raise BadArgumentError(f"a text must be Unicode without U+0000, of at most {self.size} bytes in UTF-8")
        return encoded if dialect.name in MYSQL else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the text that was bound."""
        return value.decode() if isinstance(value, bytes) else value


class Bytes(types.TypeDecorator[bytes]):
    """At most `size` bytes. Binding more raises BadArgumentError."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = LargeBinary
    cache_ok: bool | None = True

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def __repr__(self) -> str:
        return f"Bytes({self.size})"

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the database's own type."""
        # Not BINARY, which fills up with zeros.
        return dialect.type_descriptor(mysql.VARBINARY(self.size) if dialect.name in MYSQL else LargeBinary())

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Return what the driver is handed."""
        if value is not None and len(value) > self.size:
            raise BadArgumentError(f"a value has more than {self.size} bytes")
        return value


class Integer(types.TypeDecorator[int]):
    """An integer of 63 bits and a sign. Binding another raises BadArgumentError."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = BigInteger
    cache_ok: bool | None = True

    def __repr__(self) -> str:
        return "Integer()"

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return what the driver is handed."""
        if value is not None and not -_LARGEST <= value <= _LARGEST:
            raise BadArgumentError("an integer has more than 63 bits")
        return value


metadata: MetaData = MetaData()
"""Every table of the store; Alembic's `target_metadata` takes it beside the app's own."""


def _table(name: str, *columns: Column[Any]) -> Table:
    # InnoDB has transactions; without a rowid SQLite keeps a table in the order of its key.
    return Table(f"magiclink_{name}", metadata, *columns, mysql_engine="InnoDB", sqlite_with_rowid=False)


def _key(name: str, kind: types.TypeEngine[Any]) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _needed(name: str, kind: types.TypeEngine[Any]) -> Column[Any]:
    return Column(name, kind, nullable=False)


# Keyed by expiry, with which a link id begins: purging goes along the key. The columns stand in the order of `Record`.
links: Table = _table(
    "links",
    _key("audience", Text()),
    _key("link_id", Bytes(20)),
    _needed("purpose", Text()),
    _needed("subject", Text()),
    Column("resource", Text()),
    Column("destination", Text(8_000)),
    Column("recipient", Bytes(64)),
    Column("stamp", Bytes(64)),
    Column("browser", Bytes(64)),
    _needed("series", Bytes(64)),
    _needed("number", Integer()),
    _needed("origin", Text(32)),
    Column("parent", Bytes(20)),
    _needed("supersede", Text(32)),
    _needed("generation", Integer()),
    _needed("series_started_at", Integer()),
    Column("reminded_at", Integer()),
    Column("renewed_at", Integer()),
    _needed("reminders", Integer()),
    _needed("renewals", Integer()),
    _needed("issued_at", Integer()),
    _needed("expires_at", Integer()),
    Column("max_uses", Integer()),
    _needed("session_lifetime", Integer()),
    Column("mac", Bytes(64)),
    Column("issued_to", Bytes(64)),
    _needed("bound", Integer()),
    _needed("opens", Text(32)),
    _needed("ends_with", Integer()),
    Column("language", Text()),
    Column("metadata", Text(1_024)),
    _needed("issued_by", Text()),
    Column("code", Bytes(64)),
    Column("passphrase", Text()),
    Column("code_expires_at", Integer()),
    _needed("attempts", Integer()),
    _needed("openings", Integer()),
    Column("first_opened_at", Integer()),
    Column("last_opened_at", Integer()),
    _needed("evidence", Integer()),
    Column("bounced_at", Integer()),
    Column("bounce", Text()),
    _needed("uses", Integer()),
    Column("first_used_at", Integer()),
    Column("last_used_at", Integer()),
    Column("attempt", Bytes(64)),
    Column("delivered_at", Integer()),
    Column("superseded_at", Integer()),
    Column("superseded_by", Bytes(20)),
    Column("revoked_at", Integer()),
    _needed("revoked_by", Text()),
    _needed("revoke_reason", Text()),
)

# The row by which everything that happens to a subject's links is put in order. `number` counts up for all of its
# series; `last_link` is the highest link id that it ever had: the row goes when purging has passed it.
subjects: Table = _table(
    "subjects",
    _key("audience", Text()),
    _key("subject", Text()),
    _needed("generation", Integer()),
    _needed("number", Integer()),
    _needed("last_link", Bytes(20)),
    Column("revoked_at", Integer()),
    _needed("reason", Text()),
)

names: Table = _table("names", _key("bucket", Bytes(8)), _key("name", Bytes(16)), _key("link_id", Bytes(20)))

notes: Table = _table(
    "notes",
    _key("audience", Text()),
    _key("link_id", Bytes(20)),
    _key("kind", Text()),
    _key("hour", Integer()),
    _needed("at", Integer()),
    _needed("reason", Text()),
)

# `span` is the length of the window, a word that some databases keep for themselves.
buckets: Table = _table(
    "buckets",
    _key("ends_at", Integer()),
    _key("bucket", Bytes(64)),
    _key("span", Integer()),
    _needed("taken", Integer()),
)

meta: Table = _table("meta", _key("name", Text(32)), _needed("value", Integer()))


def unless_there(table: Table, dialect: Dialect) -> Any:
    """Return an INSERT that leaves a row of the same key as it is."""
    if dialect.name in MYSQL:
        # Not IGNORE, which makes warnings of all other errors too.
        key = table.primary_key.columns[0]
        return mysql.insert(table).on_duplicate_key_update({key.name: key})
    insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()
