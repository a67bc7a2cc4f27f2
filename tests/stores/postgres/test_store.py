"""What the PostgreSQL store does beyond the contract: it checks itself, cleans up, and fits its values."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.conninfo import make_conninfo

from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from magiclink.instants import SECOND
from magiclink.records import CLOCK_SKEW, Note, Selector
from magiclink.stores.postgres import PostgresStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, DAY, NOW
from tests.services import postgres
from tests.stores.postgres.sandboxes import Sandbox, put

if TYPE_CHECKING:
    from collections.abc import Callable


TOO_LARGE = 2**63
NO_UTF8 = "\ud800"
NO_TEXT = "customer\0"


def test_kept_when_reopened(sandbox: Sandbox) -> None:
    """What one store wrote, the next finds, with its uses and generations."""
    first = sandbox.store()
    used, ended = put(first, max_uses=1), put(first, subject="customer-8")
    first.consume(used.link_id, terms())
    first.revoke_subject(AUDIENCE, "customer-8", now=NOW, reason="left")
    first.close()
    second = sandbox.store()
    assert second.consume(used.link_id, terms()) is None
    found = second.get(AUDIENCE, ended.link_id)
    assert found is not None
    assert (found.revoked_at, found.revoke_reason) == (NOW, "left")


def test_check_leaves_nothing(sandbox: Sandbox, store: PostgresStore) -> None:
    """The round trip of `check` is rolled back, and can be repeated."""
    store.check()
    store.check()
    assert sandbox.rows("links", "subjects", "notes") == [0, 0, 0]


@pytest.mark.parametrize(
    "trigger",
    [
        "NEW.subject = trim(NEW.subject); RETURN NEW",
        "NEW.audience = lower(NEW.audience); RETURN NEW",
        "NEW.renewals = NEW.renewals & 4294967295; RETURN NEW",
        "RETURN NULL",
    ],
)
def test_record_that_comes_back_changed(fresh: Sandbox, trigger: str) -> None:
    """E25: a database that trims, folds, cuts or loses what is written is ConfigurationError at `check`."""
    store = fresh.store()
    fresh.run(f"CREATE FUNCTION @meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {trigger}; END'")
    fresh.run("CREATE TRIGGER meddler BEFORE INSERT ON @links FOR EACH ROW EXECUTE FUNCTION @meddle()")
    with pytest.raises(ConfigurationError, match=r"the store (changes|loses)"):
        store.check()


def test_schema_that_changes_later(fresh: Sandbox) -> None:
    """E26: a column that goes while the store is open is StoreError at a call and ConfigurationError at `check`."""
    store = fresh.store()
    link = put(store)
    assert store.consume(link.link_id, terms())
    fresh.run("ALTER TABLE @links DROP COLUMN superseded_at")
    with pytest.raises(StoreError, match="superseded_at does not exist"):
        store.consume(link.link_id, terms())
    with pytest.raises(ConfigurationError, match="links is missing or differs"):
        store.check()
    fresh.run("ALTER TABLE @links ADD COLUMN superseded_at bigint")
    assert store.consume(link.link_id, terms())


CALLS: dict[str, Callable[[PostgresStore, str], object]] = {
    "add": lambda store, text: store.add([record(subject=text)], now=NOW, renamed={}),
    "add, two": lambda store, text: store.add([record(), record(passphrase=text)], now=NOW, renamed={}),
    "newest": lambda store, text: store.newest(text, "s", [b"x"]),
    "get": lambda store, text: store.get(text, b""),
    "consume": lambda store, text: store.consume(b"", terms(purpose=text)),
    "consume, others": lambda store, text: store.consume(b"", terms(purpose=text, ends_others=True)),
    "mark_delivered": lambda store, text: store.mark_delivered(text, [b""], now=NOW),
    "find": lambda store, text: store.find(Selector(audience=AUDIENCE, subject=text), limit=1),
    "revoke": lambda store, text: store.revoke(AUDIENCE, b"", now=NOW, reason=text),
    "revoke_matching": lambda store, text: store.revoke_matching(
        Selector(audience=AUDIENCE, resource=text), now=NOW, reason=""
    ),
    "revoke_subject": lambda store, text: store.revoke_subject(AUDIENCE, text, now=NOW, reason=""),
    "count_attempt": lambda store, text: store.count_attempt(text, b"", now=NOW, limit=1),
    "note": lambda store, text: store.note(Note(audience=AUDIENCE, link_id=b"", kind=text, at=NOW)),
    "notes": lambda store, text: store.notes(text, [b""]),
    "purge": lambda store, text: store.purge(text, before=NOW, limit=1),
}

LARGE_CALLS: dict[str, Callable[[PostgresStore], object]] = {
    "add": lambda store: store.add([record(issued_at=TOO_LARGE)], now=NOW, renamed={}),
    "add, two": lambda store: store.add([record(), record(issued_at=TOO_LARGE)], now=NOW, renamed={}),
    "add, far too large": lambda store: store.add([record(), record(max_uses=2**80)], now=NOW, renamed={}),
    "consume": lambda store: store.consume(b"", terms(now=TOO_LARGE)),
    "consume, others": lambda store: store.consume(b"", terms(max_uses=TOO_LARGE, ends_others=True)),
    "mark_delivered": lambda store: store.mark_delivered(AUDIENCE, [b""], now=TOO_LARGE),
    "find": lambda store: store.find(Selector(audience=AUDIENCE), limit=TOO_LARGE),
    "hit": lambda store: store.hit(b"", now=NOW, limit=TOO_LARGE, window=1),
    "count_attempt": lambda store: store.count_attempt(AUDIENCE, b"", now=NOW, limit=TOO_LARGE),
}


@pytest.mark.parametrize("text", [NO_UTF8, NO_TEXT], ids=["surrogate", "NUL"])
@pytest.mark.parametrize("call", CALLS)
def test_text_that_does_not_fit(store: PostgresStore, call: str, text: str) -> None:
    """A22, A24: text that PostgreSQL can't hold is BadArgumentError from every call, and the store goes on."""
    with pytest.raises(BadArgumentError) as raised:
        CALLS[call](store, text)
    assert "customer" not in str(raised.value)
    assert list(store.find(Selector(audience=AUDIENCE), limit=9)) == []


@pytest.mark.parametrize("call", LARGE_CALLS)
def test_integer_that_does_not_fit(store: PostgresStore, call: str) -> None:
    """An integer past 63 bits is BadArgumentError from every call, and the store goes on."""
    with pytest.raises(BadArgumentError):
        LARGE_CALLS[call](store)
    assert list(store.find(Selector(audience=AUDIENCE), limit=9)) == []


def test_terms_beyond_53_bits(store: PostgresStore) -> None:
    """Sums of the terms that pass 53 bits bound nothing, and don't overflow."""
    link = put(store)
    assert store.consume(link.link_id, terms(lifetime=2**70, reclick=2**70))
    late = replace(terms(), now=2**53 - 1 - CLOCK_SKEW // 2, lifetime=2**70)
    assert store.consume(link.link_id, late) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool_size": 0}, "pool_size: at least 1 connection, got 0"),
        ({"timeout": timedelta(-1)}, "timeout: wanted a timedelta from 0 to 1 hour"),
        ({"timeout": 5}, "timeout: wanted a timedelta from 0 to 1 hour, got 5"),
    ],
)
def test_setting_that_can_not_work(settings: dict[str, Any], message: str) -> None:
    """No connection at all, or less than no timeout, is ConfigurationError."""
    with pytest.raises(ConfigurationError, match=message):
        PostgresStore(postgres(), **settings)


def test_two_schemas_apart(store: PostgresStore) -> None:
    """M12: two stores in two schemas of one database never meet."""
    link = put(store)
    with Sandbox() as elsewhere:
        assert elsewhere.store().get(AUDIENCE, link.link_id) is None


def test_revocation_of_many_links(fresh: Sandbox) -> None:
    """T11: revoking a subject writes one row, however many links it has, and all of them are dead."""
    store = fresh.store()
    links = [record() for _ in range(2_000)]
    assert store.add(links, now=NOW, renamed={})
    written = "SELECT pg_relation_size('@links'), max(xmin::text), max(xmax::text) FROM @links"
    before = fresh.run(written)
    store.revoke_subject(AUDIENCE, links[0].subject, now=NOW, reason="left")
    assert fresh.run(written) == before
    assert not any(store.consume(link.link_id, terms()) for link in links[::100])
    assert {each.revoke_reason for each in store.find(Selector(audience=AUDIENCE), limit=2_000)} == {"left"}


def test_months(fresh: Sandbox) -> None:
    """L16: the months of a partitioned table are made and dropped by the store."""
    store = fresh.store(partitioned=True)
    store.add_months(date(2025, 12, 1), 2)
    link = put(store, expires_at=NOW - DAY)
    assert store.drop_months(datetime(2026, 2, 1, tzinfo=UTC)) == ["2025_12", "2026_01"]
    assert store.get(AUDIENCE, link.link_id) is None


def test_windows_are_forgotten(sandbox: Sandbox, store: PostgresStore) -> None:
    """L16: windows that ended go as later ones are counted, those within the clocks' difference stay."""
    for number in range(50):
        store.hit(b"%d" % number, now=NOW, limit=1, window=SECOND)
    ended = NOW + SECOND
    store.hit(b"a", now=ended + CLOCK_SKEW, limit=1, window=SECOND)
    assert sandbox.rows("limits") == [51]
    for number in range(5):
        store.hit(b"b%d" % number, now=ended + CLOCK_SKEW + 1, limit=1, window=SECOND)
    assert sandbox.rows("limits") == [51 - 50 + 5]


def test_order_of_forgotten_windows(sandbox: Sandbox, store: PostgresStore) -> None:
    """L16: of the windows that ended, ten go at a call, those that ended first, whatever their limit keys."""
    for ends_at in (*range(2, 25, 2), *range(1, 25, 2)):
        sandbox.run(f"INSERT INTO @limits VALUES ({ends_at}, '{99 - ends_at}', 1, 1)")
    store.hit(b"a", now=NOW, limit=1, window=SECOND)
    left = sandbox.run("SELECT ends_at FROM @limits ORDER BY ends_at")
    assert left == [*((ends_at,) for ends_at in range(11, 25)), (NOW + SECOND,)]


def test_documents(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the document on many machines shows of PostgreSQL runs, block by block."""
    text = (Path(__file__).parents[3] / "docs" / "many-machines.md").read_text(encoding="utf-8")
    section = text.partition("## PostgreSQL\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```py\n(.*?)^```$", section, re.M | re.S)
    sandbox.run(f"CREATE DATABASE {sandbox.schema}")
    monkeypatch.setenv("DATABASE_URL", make_conninfo(sandbox.url, dbname=sandbox.schema))
    namespace: dict[str, Any] = {}
    for block in blocks:
        exec(block, namespace)
    sandbox.run(f"DROP DATABASE {sandbox.schema}")
    assert len(blocks) == 3
