"""Only a whole schema of ours is opened; anything else is ConfigurationError, and stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from magiclink.errors import ConfigurationError
from magiclink.records import Record
from magiclink.stores.postgres import PostgresStore, schema
from magiclink.testing.contract.bench import race
from tests.services import new_schema, postgres
from tests.stores.postgres.sandboxes import LEVELS, Sandbox, put

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = Path(__file__).with_name("version_1.sql")
"""What the store of schema version 1 made, in a schema `old`, without a link."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a schema of ours, and no open store."""
    with Sandbox(fresh=True) as made:
        PostgresStore(made.url, schema=made.schema).close()
        yield made


def refused(sandbox: Sandbox, why: str) -> None:
    """See that the schema isn't opened, and says why."""
    with pytest.raises(ConfigurationError, match=why):
        sandbox.store()


def test_opened_again(sandbox: Sandbox) -> None:
    """A schema of ours opens again, whichever way it is asked for; it stays as it was made."""
    sandbox.store(partitioned=True).check()
    assert sandbox.run("SELECT relkind FROM pg_class WHERE oid = '@links'::regclass") == [("r",)]


@pytest.mark.parametrize("level", LEVELS)
def test_eight_that_start_at_once(level: str) -> None:
    """Eight processes' stores that find no schema make one, and all work."""
    for _ in range(3):
        with Sandbox(fresh=True, default_transaction_isolation=level) as sandbox:
            for store in race(*[sandbox.store] * 8):
                store.check()


def test_empty_schema() -> None:
    """A schema that somebody has made and left empty is as good as none, also for a role that makes no schemas."""
    with Sandbox(fresh=True) as sandbox:
        sandbox.run(f"CREATE SCHEMA {sandbox.schema}")
        sandbox.store().check()


def test_other_application(sandbox: Sandbox) -> None:
    """A schema with tables of another application is refused, and stays as it was."""
    other = new_schema()
    sandbox.run(f"CREATE SCHEMA {other}")
    sandbox.run(f"CREATE TABLE {other}.links (id int)")
    with pytest.raises(ConfigurationError, match="another application"):
        PostgresStore(sandbox.url, schema=other)
    found = sandbox.run(f"SELECT relname FROM pg_class WHERE relnamespace = '{other}'::regnamespace")
    assert found == [("links",)]


def test_view_in_the_way() -> None:
    """A schema in which something else bears a table's name is refused."""
    with Sandbox(fresh=True) as sandbox:
        sandbox.run(f"CREATE SCHEMA {sandbox.schema}")
        sandbox.run("CREATE VIEW @subjects AS SELECT 1")
        refused(sandbox, "already exists")


def test_older_schema() -> None:
    """A schema that an older library has made is refused with the way out, and stays as it was."""
    with Sandbox(fresh=True) as sandbox:
        sandbox.admin.execute(OLD.read_text(encoding="utf-8").replace("old", sandbox.schema).encode())
        tables = f"SELECT relname FROM pg_class WHERE relnamespace = '{sandbox.schema}'::regnamespace ORDER BY 1"
        before = sandbox.run(tables)
        way_out = rf"drop it \(DROP SCHEMA {sandbox.schema} CASCADE\) or name another, and issue the links anew"
        refused(
            sandbox, f"{sandbox.schema} can't be used: the tables have version 1, this library reads 2 .*: {way_out}"
        )
        assert sandbox.run(tables) == before


def test_newer_schema(sandbox: Sandbox) -> None:
    """A schema that a newer library has made is refused, whatever else it has."""
    sandbox.run("UPDATE @meta SET value = 3")
    sandbox.run("DROP TABLE @waits")
    refused(sandbox, "version 3, this library reads 2: a newer library has made it, install that one")


def test_no_version(sandbox: Sandbox) -> None:
    """A schema of ours without a version is refused."""
    sandbox.run("DELETE FROM @meta")
    refused(sandbox, "version None")


@pytest.mark.parametrize("table", [table for table in schema.COLUMNS if table != "meta"])
def test_missing_table(sandbox: Sandbox, table: str) -> None:
    """E26: a missing table is found when the schema is opened, not at the first click."""
    sandbox.run(f"DROP TABLE @{table}")
    refused(sandbox, rf"{sandbox.schema}\.{table} is missing")


@pytest.mark.parametrize(
    "change",
    [
        "DROP COLUMN superseded_at",
        "ALTER COLUMN expires_at TYPE integer",
        "ALTER COLUMN subject TYPE varchar(32)",
        "ALTER COLUMN purpose DROP NOT NULL",
        "DROP CONSTRAINT links_pkey",
        'ALTER COLUMN subject TYPE text COLLATE "default"',
    ],
)
def test_other_column(sandbox: Sandbox, change: str) -> None:
    """E25, E26: a column that is missing, too short or compared otherwise, or a lost key, is found at once."""
    sandbox.run(f"ALTER TABLE @links {change}")
    refused(sandbox, "links is missing or differs")


def test_column_of_the_operator(sandbox: Sandbox) -> None:
    """A column that an operator has added is nobody's business."""
    sandbox.run("ALTER TABLE @links ADD COLUMN remark text")
    store = sandbox.store()
    store.check()
    put(store)


@pytest.fixture
def role(sandbox: Sandbox) -> Iterator[str]:
    """Return a role that may do nothing yet."""
    name = new_schema()
    sandbox.run(f"CREATE ROLE {name} LOGIN")
    yield name
    sandbox.run(f"DROP OWNED BY {name}")
    sandbox.run(f"DROP ROLE {name}")


@pytest.mark.parametrize("schema", ["", "Links", "a b", 'a"b', "1a", "pg_links", "a" * 49, "links\n"])
def test_schema_that_needs_quoting(schema: str) -> None:
    """A schema's name is made of a-z, digits and `_`: it is the one thing that becomes part of a statement."""
    with pytest.raises(ConfigurationError, match="schema"):
        PostgresStore(postgres(), schema=schema)


def test_transactions_that_only_read(sandbox: Sandbox) -> None:
    """E11: an app's function whose transactions only read is ConfigurationError when opened."""

    def connect() -> psycopg.Connection[Any]:
        made = psycopg.connect(sandbox.url)
        made.read_only = True
        return made

    with pytest.raises(ConfigurationError, match="only read"):
        PostgresStore(connect, schema=sandbox.schema)


def test_role_that_may_not_make_it(role: str) -> None:
    """A role without the right to make schemas is refused where there is none."""
    with pytest.raises(ConfigurationError, match="permission denied for database"):
        PostgresStore(make_conninfo(postgres(), user=role), schema=new_schema())


@pytest.mark.parametrize("table", ["links", "subjects", "notes", "limits"])
def test_missing_privilege(sandbox: Sandbox, role: str, table: str) -> None:
    """A role that lacks a privilege is refused when it is opened, not at the first click."""
    sandbox.run(f"GRANT USAGE ON SCHEMA {sandbox.schema} TO {role}")
    sandbox.run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {sandbox.schema} TO {role}")
    sandbox.url = make_conninfo(sandbox.url, user=role)
    sandbox.store().check()
    sandbox.run(f"REVOKE UPDATE ON @{table} FROM {role}")
    refused(sandbox, rf"lacks UPDATE on {sandbox.schema}\.{table}")


def test_database_of_another_encoding(sandbox: Sandbox) -> None:
    """E25: a database that can't hold all text is refused."""
    name = new_schema()
    sandbox.run(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(ConfigurationError, match="encoding LATIN1"):
        PostgresStore(make_conninfo(sandbox.url, dbname=name))
    sandbox.run(f"DROP DATABASE {name}")


@pytest.mark.parametrize("partitioned", [False, True])
def test_script(partitioned: bool) -> None:
    """The script makes what the library would make: run by an operator, it's opened by a role that makes nothing."""
    with Sandbox(fresh=True) as sandbox:
        with psycopg.connect(postgres(), autocommit=True) as operator:
            operator.execute(schema.write_script(sandbox.schema, partitioned=partitioned).encode())
        sandbox.store().check()


def test_order_of_keys(sandbox: Sandbox) -> None:
    """The columns of a key are in this order: windows that end first and links that expire first stand first."""
    keys = "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
    found = sandbox.run(f"{keys} WHERE i.indisprimary AND c.relnamespace = '{sandbox.schema}'::regnamespace")
    assert {table: text.partition("btree ")[2] for table, text in found} == {
        "links": "(audience, link_id)",
        "subjects": "(audience, subject)",
        "notes": "(audience, link_id, kind, hour)",
        "limits": "(ends_at, limit_key, span)",
        "settlements": "(audience, resource)",
        "closings": "(audience, link_id, redeemed_at)",
        "waits": "(audience, link_id, nonce)",
        "meta": "(name)",
    }


def test_columns_of_a_record() -> None:
    """The columns of `links` are the fields of a record, in their order."""
    assert tuple(schema.COLUMNS["links"]) == Record._fields
