"""What the PostgreSQL keeper does beyond the contract: it proves itself, cleans up, and fits its values."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from magiclink.instants import SECOND
from magiclink.records import CLOCK_SKEW, Note, Selector
from magiclink.stores.postgres import PostgresStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW, race
from tests.services import new_schema, postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from magiclink.records import Record

    Admin = psycopg.Connection[tuple[Any, ...]]

TOO_LARGE = 2**63
NO_UTF8 = "\ud800"
NO_TEXT = "customer\0"


@pytest.fixture
def schema() -> str:
    """Name a schema of the test's own."""
    return new_schema()


@pytest.fixture
def store(schema: str) -> Iterator[PostgresStore]:
    """Give a new store."""
    opened = PostgresStore(postgres(), schema=schema)
    yield opened
    opened.close()


@pytest.fixture
def admin() -> Iterator[Admin]:
    """Give a connection that goes behind the store's back."""
    with psycopg.connect(postgres(), autocommit=True) as connection:
        yield connection


def put(store: PostgresStore, **changes: Any) -> Record:
    """Write one link."""
    link = record(**changes)
    assert store.add([link], now=NOW, renamed={})
    return link


def rows(admin: Admin, schema: str, *tables: str) -> list[int]:
    """Count the rows of some tables."""
    found = [admin.execute(f"SELECT count(*) FROM {schema}.{table}".encode()).fetchone() for table in tables]
    return [count[0] for count in found if count]


def test_kept_when_reopened(schema: str) -> None:
    """What one store wrote, the next finds, with its uses and generations."""
    first = PostgresStore(postgres(), schema=schema)
    used, ended = put(first, max_uses=1), put(first, subject="customer-8")
    first.consume(used.link_id, terms())
    first.revoke_subject(AUDIENCE, "customer-8", now=NOW, reason="left")
    first.close()
    second = PostgresStore(postgres(), schema=schema)
    assert second.consume(used.link_id, terms()) is None
    found = second.get(AUDIENCE, ended.link_id)
    second.close()
    assert found is not None
    assert (found.revoked_at, found.revoke_reason) == (NOW, "left")


def test_check_leaves_nothing(store: PostgresStore, admin: Admin, schema: str) -> None:
    """The proof of the round trip is rolled back, and can be repeated."""
    store.check()
    store.check()
    assert rows(admin, schema, "links", "subjects", "notes") == [0, 0, 0]


@pytest.mark.parametrize(
    "trigger",
    [
        "NEW.subject = trim(NEW.subject); RETURN NEW",
        "NEW.audience = lower(NEW.audience); RETURN NEW",
        "NEW.renewals = NEW.renewals::double precision::bigint; RETURN NEW",
        "RETURN NULL",
    ],
)
def test_record_that_comes_back_changed(store: PostgresStore, admin: Admin, schema: str, trigger: str) -> None:
    """E25: a database that trims, folds, rounds or loses what is written is ConfigurationError at `check`."""
    body = f"CREATE FUNCTION {schema}.meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {trigger}; END'"
    admin.execute(body.encode())
    hook = f"CREATE TRIGGER meddler BEFORE INSERT ON {schema}.links FOR EACH ROW EXECUTE FUNCTION {schema}.meddle()"
    admin.execute(hook.encode())
    with pytest.raises(ConfigurationError, match="doesn't come back"):
        store.check()


def test_schema_that_changes_later(store: PostgresStore, admin: Admin, schema: str) -> None:
    """E26: a column that goes while the store is open is StoreError at a call and ConfigurationError at `check`."""
    link = put(store)
    assert store.consume(link.link_id, terms())
    admin.execute(f"ALTER TABLE {schema}.links DROP COLUMN superseded_at".encode())
    with pytest.raises(StoreError, match="superseded_at does not exist"):
        store.consume(link.link_id, terms())
    with pytest.raises(ConfigurationError, match="links is missing or differs"):
        store.check()
    admin.execute(f"ALTER TABLE {schema}.links ADD COLUMN superseded_at bigint".encode())
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
    "take": lambda store: store.take(b"", now=NOW, limit=TOO_LARGE, window=1),
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


def test_terms_beyond_63_bits(store: PostgresStore) -> None:
    """Sums of the terms that pass 63 bits bound nothing, and don't overflow."""
    link = put(store)
    assert store.consume(link.link_id, terms(lifetime=2**70, reclick=2**70))
    late = replace(terms(), now=2**63 - 1 - CLOCK_SKEW // 2, lifetime=2**70)
    assert store.consume(link.link_id, late) is None


@pytest.mark.parametrize("schema", ["", "Links", "a b", 'a"b', "1a", "pg_links", "a" * 49, "links\n"])
def test_schema_that_needs_quoting(schema: str) -> None:
    """A schema's name is made of a-z, digits and `_`: it is the one thing that becomes part of a statement."""
    with pytest.raises(ConfigurationError, match="schema"):
        PostgresStore(postgres(), schema=schema)


@pytest.mark.parametrize("settings", [{"pool_size": 0}, {"patience": -1}])
def test_setting_that_can_not_work(settings: dict[str, int]) -> None:
    """No connection at all, or less than no patience, is ConfigurationError."""
    given: dict[str, Any] = {k: timedelta(v) if k == "patience" else v for k, v in settings.items()}
    with pytest.raises(ConfigurationError):
        PostgresStore(postgres(), **given)


def test_two_schemas_apart(store: PostgresStore) -> None:
    """M12: two stores in two schemas of one database never meet."""
    other = PostgresStore(postgres(), schema=new_schema())
    link = put(store)
    assert other.get(AUDIENCE, link.link_id) is None
    other.close()


def test_batches_of_two_audiences(store: PostgresStore) -> None:
    """One batch may hold links of two audiences, which end and rename nothing of each other."""
    there = "https://shop.example"
    old = [put(store, series=b"s" * 16), put(store, audience=there, series=b"s" * 16)]
    batch = [record(series=b"s" * 16, supersede="on-issue"), record(audience=there, series=b"t" * 16)]
    assert store.add(batch, now=NOW, renamed={})
    found = [store.get(each.audience, each.link_id) for each in old]
    assert [each and each.superseded_at for each in found] == [NOW, None]


def test_reissues_of_one_batch(store: PostgresStore) -> None:
    """Reissues that follow each other in one batch are each the next of their series; numbers go on above them."""
    first = put(store)
    again = [record(series=first.series, number=number, generation=0, origin="remind") for number in (2, 3)]
    assert store.add([again[0], again[0]._replace(link_id=bytes(20))], now=NOW, renamed={}) is False
    mixed = [again[0], record(series=first.series), again[1]._replace(number=4)]
    assert store.add(mixed, now=NOW, renamed={}) is False
    assert store.add(again, now=NOW, renamed={})
    last = put(store)
    newest, _ = store.newest(AUDIENCE, first.subject, [first.series])
    assert newest is not None
    assert (newest.link_id, newest.number or 0) >= (last.link_id, 4)


def test_delivered_in_one_call(store: PostgresStore) -> None:
    """6: in one call too, a link that an earlier one of it has ended ends nothing: its parent, or an older one."""
    parent = put(store, supersede="on-delivery")
    older = put(store, supersede="on-delivery", resource="invoice:1002")
    newer = put(store, supersede="on-delivery", resource="invoice:1002")
    fields = {"series": parent.series, "number": 2, "generation": 0, "supersede": "on-delivery"}
    lone = record(**fields, origin="renew", parent=None)
    assert store.add([lone], now=NOW, renamed={})
    renewed = record(**{**fields, "number": 3}, origin="renew", parent=parent.link_id)
    assert store.add([renewed], now=NOW, renamed={})
    store.mark_delivered(AUDIENCE, [each.link_id for each in (lone, renewed, parent, newer, older)], now=NOW)
    found = [store.get(AUDIENCE, each.link_id) for each in (parent, lone, renewed, older, newer)]
    assert [each and each.superseded_at for each in found] == [NOW, None, None, NOW, None]


def test_hundred_thousand_links(store: PostgresStore, admin: Admin, schema: str) -> None:
    """A hundred thousand links are written by one call, all usable; a failure in the middle leaves none."""
    links = [record(subject=f"customer-{number}", max_uses=1) for number in range(100_000)]
    broken = [*links[:50_000], links[7], *links[50_000:]]
    assert store.add(broken, now=NOW, renamed={}) is False
    assert rows(admin, schema, "links", "subjects") == [0, 0]
    assert store.add(links, now=NOW, renamed={})
    assert all(store.consume(link.link_id, terms()) for link in links[::5_000])
    standing = f"SELECT count(*) FROM {schema}.links JOIN {schema}.subjects USING (audience, subject, generation)"
    assert admin.execute(standing.encode()).fetchall() == [(100_000,)]


def test_revocation_of_many_links(store: PostgresStore, admin: Admin, schema: str) -> None:
    """T11: revoking a subject writes one row, however many links it has, and all of them are dead."""
    links = [record() for _ in range(2_000)]
    assert store.add(links, now=NOW, renamed={})
    before = admin.execute(f"SELECT pg_relation_size('{schema}.links'), max(xmin::text) FROM {schema}.links".encode())
    told = before.fetchall()
    store.revoke_subject(AUDIENCE, links[0].subject, now=NOW, reason="left")
    after = admin.execute(f"SELECT pg_relation_size('{schema}.links'), max(xmin::text) FROM {schema}.links".encode())
    assert after.fetchall() == told
    assert not any(store.consume(link.link_id, terms()) for link in links[::100])
    assert {each.revoke_reason for each in store.find(Selector(audience=AUDIENCE), limit=2_000)} == {"left"}


def test_purge_during_use(store: PostgresStore) -> None:
    """E19, E20: two purges at once while links are used raise nothing, forget each link once, and spare the living."""
    gone = [record(expires_at=SECOND, subject=f"customer-{number}") for number in range(20)]
    living = [record(max_uses=1) for _ in range(4)]
    assert store.add([*gone, *living], now=NOW, renamed={})
    purges = [lambda: store.purge(AUDIENCE, before=NOW, limit=3)] * 10
    uses = [lambda link=link: bool(store.consume(link.link_id, terms())) for link in (*gone, *living)]
    results = race(*purges, *uses)
    assert sum(results[:10]) + store.purge(AUDIENCE, before=NOW, limit=99) == 20
    assert results[10:] == [False] * 20 + [True] * 4


@pytest.mark.parametrize("before", [-(2**70), -1, 0, SECOND])
def test_purge_before_anything(store: PostgresStore, before: int) -> None:
    """A purge before the first expiry forgets nothing, at that very instant too."""
    put(store, expires_at=SECOND)
    assert store.purge(AUDIENCE, before=before, limit=10) == 0


@pytest.mark.parametrize("before", [SECOND + 1, 2**32 * SECOND, 2**70])
def test_purge_after_everything(store: PostgresStore, before: int) -> None:
    """A purge far in the future forgets everything, the last second that a link id can say too."""
    put(store, expires_at=SECOND)
    last = put(store, expires_at=(2**32 - 1) * SECOND)
    assert store.purge(AUDIENCE, before=before, limit=10) == 1 + (before > last.expires_at)


def test_windows_are_forgotten(store: PostgresStore, admin: Admin, schema: str) -> None:
    """L16: windows that ended go as later ones are counted, those within the clocks' difference stay."""
    for number in range(50):
        store.take(b"%d" % number, now=NOW, limit=1, window=SECOND)
    ended = NOW + SECOND
    store.take(b"a", now=ended + CLOCK_SKEW, limit=1, window=SECOND)
    assert rows(admin, schema, "buckets") == [51]
    for number in range(5):
        store.take(b"b%d" % number, now=ended + CLOCK_SKEW + 1, limit=1, window=SECOND)
    assert rows(admin, schema, "buckets") == [51 - 50 + 5]
