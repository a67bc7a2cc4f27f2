"""What a statement of the PostgreSQL store does when it has waited: the test holds the lock that it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from magiclink.instants import SECOND
from magiclink.records import Note, Record, Selector
from magiclink.stores.postgres import statements
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.stores.postgres.sandboxes import LEVELS, Call, Sandbox, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from magiclink.stores.postgres import PostgresStore

REVOKED = f"UPDATE @subjects SET generation = generation + 1, revoked_at = {NOW}, reason = 'left'"
"""A revocation of everything, that isn't committed before the test lets go."""

REVOKED_ONE = f"UPDATE @links SET revoked_at = {NOW}, revoke_reason = 'lost'"
SUPERSEDED = f"UPDATE @links SET superseded_at = {NOW}"
USED = f"UPDATE @links SET uses = 1, first_used_at = {NOW}, last_used_at = {NOW}"


@pytest.fixture(params=LEVELS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Return a schema, under each level as the default."""
    with Sandbox(default_transaction_isolation=request.param) as made:
        yield made


def waiting(sandbox: Sandbox, statement: str, call: Callable[[], Any]) -> Any:
    """Let a call wait for the locks of a statement, which then is committed, and give what the call returned."""
    with sandbox.holding(statement):
        waits = Call(call)
        sandbox.wait_for(1)
    return waits.result()


def test_level(sandbox: Sandbox, store: PostgresStore) -> None:
    """The level is the default of the store's sessions: whatever is proved under it is."""
    [(told,)] = store._database.run("SHOW default_transaction_isolation")
    assert told == sandbox.level


@pytest.mark.parametrize("change", [REVOKED, REVOKED_ONE, SUPERSEDED, USED])
@pytest.mark.parametrize("others", [False, True])
def test_use_behind_a_change(sandbox: Sandbox, store: PostgresStore, change: str, others: bool) -> None:
    """F04, F05: a use that waits while its link is revoked, by itself or with all, superseded or used up, is none."""
    link = put(store, max_uses=1)
    assert waiting(sandbox, change, lambda: store.consume(link.link_id, terms(ends_others=others))) is None
    found = store.get(AUDIENCE, link.link_id)
    assert found is not None
    assert found.uses == (change == USED)


@pytest.mark.parametrize("change", [REVOKED, REVOKED_ONE, SUPERSEDED, USED])
def test_try_behind_a_change(sandbox: Sandbox, store: PostgresStore, change: str) -> None:
    """13: a try at a code that waits while its link ends is none."""
    link = put(store, max_uses=1)
    call = lambda: store.count_attempt(AUDIENCE, link.link_id, now=NOW, limit=5)  # noqa: E731
    assert waiting(sandbox, change, call) is None


@pytest.mark.parametrize("change", [REVOKED, REVOKED_ONE])
def test_revocation_behind_a_revocation(sandbox: Sandbox, store: PostgresStore, change: str) -> None:
    """9: a revocation that waits for another leaves its instant and reason, and gives the link with them."""
    link = put(store)
    found = waiting(sandbox, change, lambda: store.revoke(AUDIENCE, link.link_id, now=NOW + 1, reason="late"))
    assert (found.revoked_at, found.revoke_reason) == (NOW, "left" if change == REVOKED else "lost")


@pytest.mark.parametrize("change", [REVOKED, REVOKED_ONE])
def test_revocation_of_many_behind_a_revocation(sandbox: Sandbox, store: PostgresStore, change: str) -> None:
    """9: a revocation of what matches leaves what another has revoked while it waited, and reaches the rest."""
    one, two = put(store), put(store, subject="customer-8")
    selector = Selector(audience=AUDIENCE, resource=one.resource)
    first = f"{change} WHERE subject = '{one.subject}'"
    waiting(sandbox, first, lambda: store.revoke_matching(selector, now=NOW + 1, reason="late"))
    found = [store.get(AUDIENCE, link.link_id) for link in (one, two)]
    assert [each and each.revoked_at for each in found] == [NOW, NOW + 1]


def test_use_in_the_middle_of_a_revocation(sandbox: Sandbox, store: PostgresStore) -> None:
    """F04: where a use and a revocation wait for one lock, no use is written once the revocation has returned."""
    link = put(store)

    def revoke() -> int:
        store.revoke_subject(AUDIENCE, link.subject, now=NOW, reason="left")
        found = store.get(AUDIENCE, link.link_id)
        assert found is not None
        return found.uses

    with sandbox.holding("SELECT 1 FROM @subjects FOR UPDATE"):
        calls = [Call(lambda: store.consume(link.link_id, terms()))]
        sandbox.wait_for(1)
        revocation = Call(revoke)
        sandbox.wait_for(2)
        calls += [Call(lambda: store.consume(link.link_id, terms())) for _ in range(4)]
        sandbox.wait_for(6)
    uses = sum(call.result() is not None for call in calls)
    found = store.get(AUDIENCE, link.link_id)
    assert found is not None
    assert revocation.result() == uses == found.uses


def test_revocation_that_is_overtaken(sandbox: Sandbox, store: PostgresStore, request: pytest.FixtureRequest) -> None:
    """F04: a revocation that waits for a use isn't overtaken by the uses that come after it, nor used after it."""
    link = put(store)
    with sandbox.holding("SELECT 1 FROM @links FOR UPDATE"):
        first = Call(lambda: store.consume(link.link_id, terms()))
        sandbox.wait_for(1)
        revocation = Call(lambda: store.revoke_subject(AUDIENCE, link.subject, now=NOW, reason="left"))
        sandbox.wait_for(2)
        later = [Call(lambda: store.consume(link.link_id, terms())) for _ in range(5)]
        sandbox.wait_for(7)
    revocation.result()
    assert store.consume(link.link_id, terms()) is None
    assert first.result() is not None
    overtaken_by = sum(call.result() is not None for call in later)
    # Under the other levels PostgreSQL lets all who waited begin anew, once, and they may change places.
    assert overtaken_by == 0 or request.node.callspec.params["sandbox"] != "read committed"


def test_use_of_another_subject(sandbox: Sandbox, store: PostgresStore) -> None:
    """A subject's lock is its own: another's links are used meanwhile."""
    mine, other = put(store), put(store, subject="customer-8")
    with sandbox.holding(f"SELECT 1 FROM @subjects WHERE subject = '{mine.subject}' FOR UPDATE"):
        assert store.consume(other.link_id, terms()) is not None


def test_reads_behind_a_change(sandbox: Sandbox, store: PostgresStore) -> None:
    """Nothing that only reads waits for a lock; nor does what writes no link."""
    link = put(store)
    with sandbox.holding(REVOKED):
        assert store.get(AUDIENCE, link.link_id) == link
        assert store.newest(AUDIENCE, link.subject, [link.series]) == (link, 0)
        assert list(store.find(Selector(audience=AUDIENCE), limit=9)) == [link]
        note = Note(audience=AUDIENCE, link_id=link.link_id, kind="verified", at=NOW)
        store.note(note)
        assert list(store.notes(AUDIENCE, [link.link_id])) == [note]
        assert store.hit(b"key", now=NOW, limit=1, window=SECOND) is None


def test_hit_behind_a_hit(sandbox: Sandbox, store: PostgresStore) -> None:
    """F11: a call that waits for the last hit of a window doesn't get it twice."""
    assert store.hit(b"key", now=NOW, limit=2, window=SECOND) is None
    call = lambda: store.hit(b"key", now=NOW, limit=2, window=SECOND)  # noqa: E731
    assert waiting(sandbox, "UPDATE @limits SET hits = 2", call) == NOW + SECOND


def test_same_link_behind_itself(sandbox: Sandbox, store: PostgresStore) -> None:
    """E02: a link that is handed in again while it is being written answers False, and is there once."""
    link = record()
    assert store.add([link], now=NOW, renamed={})
    call = lambda: store.add([link], now=NOW, renamed={})  # noqa: E731
    assert waiting(sandbox, "UPDATE @subjects SET number = number + 1", call) is False
    assert sandbox.rows("links") == [1]


def test_columns_of_a_record() -> None:
    """What is copied are the fields of a record, in their order, each with its type."""
    assert len(statements.COPY_TYPES) == len(Record._fields)
    assert set(statements.COPY_TYPES) == {"text", "bytea", "int8"}


def test_use_that_writes_an_index(fresh: Sandbox) -> None:
    """A use, and a subject's next link, have space on their row's page: no index is written."""
    store = fresh.store()
    first, second = ([record(subject=f"customer-{each}") for each in range(300)] for _ in range(2))
    assert store.add(first, now=NOW, renamed={})
    assert all(store.consume(link.link_id, terms()) for link in first)
    assert all(store.add([link], now=NOW, renamed={}) for link in second)
    store._database.run("SELECT pg_stat_force_next_flush()")
    counted = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = '@{}'::regclass"
    for table in ("links", "subjects"):
        assert fresh.run(counted.format(table)) == [(300, 300)]
