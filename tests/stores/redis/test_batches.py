"""The Redis store with many links at once: batches that are all or nothing, names that change, pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink.errors import BadArgumentError
from magiclink.records import Selector
from magiclink.stores.redis import store as module
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.stores.redis.links import list_keys, put

if TYPE_CHECKING:
    import redis

    from magiclink.stores.redis import RedisStore


def test_batch_of_two_audiences(store: RedisStore) -> None:
    """2: links of two audiences in one batch are BadArgumentError: two slots can't be written as one."""
    with pytest.raises(BadArgumentError, match="of 2 audiences"):
        store.add([record(), record(audience="https://shop.example")], now=NOW, renamed={})


def test_empty_batch(store: RedisStore, client: redis.Redis, prefix: str) -> None:
    """2, 5: a batch of nothing is written, and renames nothing."""
    link = put(store, audience="")
    before = list_keys(client, prefix)
    assert store.add([], now=NOW, renamed={link.series: b"n" * 16})
    found = store.get("", link.link_id)
    assert found is not None
    assert (found.series, list_keys(client, prefix)) == (link.series, before)


def test_large_batch(store: RedisStore) -> None:
    """2: ten thousand links are written in one call, all of them, or none where the last one is there already."""
    links = [record(subject=f"customer-{number % 97}") for number in range(10_000)]
    assert store.add(links[-1:], now=NOW, renamed={})
    assert not store.add(links, now=NOW, renamed={})
    assert len(store.find(Selector(audience=AUDIENCE), limit=9)) == 1
    assert store.add(links[:-1], now=NOW, renamed={})
    found = store.find(Selector(audience=AUDIENCE, subject="customer-5"), limit=10_000)
    assert len(found) == len({link.number for link in found}) == 104


def test_names_that_change_places(store: RedisStore) -> None:
    """5: all renaming is from the names as they were: one name may be another's old and a third one's new."""
    a, b, c = (letter * 17 for letter in (b"a", b"b", b"c"))
    links = [put(store, recipient=name, series=name[:16]) for name in (a, b, c)]
    assert store.add([record()], now=NOW, renamed={a: b, b: c, a[:16]: b[:16], b[:16]: a[:16]})
    read = [store.get(AUDIENCE, link.link_id) for link in links]
    assert [(link.recipient, link.series[:1]) for link in read if link] == [(b, b"b"), (c, b"a"), (c, b"c")]
    assert len(store.find(Selector(audience=AUDIENCE, recipients=(c,)), limit=9)) == 2
    newest, _ = store.newest(AUDIENCE, "customer-7", [a[:16]])
    assert newest is not None
    assert newest.link_id == links[1].link_id


def test_numbers_of_two_names(store: RedisStore) -> None:
    """3, 5: where two names become one, numbers go on from the higher of both, and of the new one's own."""
    old, older, new = (letter * 16 for letter in (b"o", b"p", b"n"))
    for series, number in ((old, 3), (older, 5), (new, 2)):
        for _ in range(number):
            put(store, series=series)
    assert store.add([record(series=new)], now=NOW, renamed={old: new, older: new})
    newest, _ = store.newest(AUDIENCE, "customer-7", [new])
    assert newest is not None
    assert newest.number == 6


def test_reissues_of_one_batch(store: RedisStore) -> None:
    """4: reissues that follow each other in one batch are each the next of their series."""
    first = put(store)
    again = [record(series=first.series, number=number, generation=0, origin="remind") for number in (2, 3)]
    assert store.add([again[0], again[0]._replace(link_id=bytes(20))], now=NOW, renamed={}) is False
    assert store.add(again, now=NOW, renamed={})
    newest, _ = store.newest(AUDIENCE, first.subject, [first.series])
    assert newest is not None
    assert (newest.link_id, newest.number) == (again[1].link_id, 3)


def test_renewed_link_without_parent(store: RedisStore) -> None:
    """6: a renewed link that names no parent, or one that was forgotten, ends nothing."""
    other = put(store)
    put(store, origin="renew", supersede="on-issue", parent=None)
    put(store, origin="renew", supersede="on-issue", parent=bytes(20))
    found = store.get(AUDIENCE, other.link_id)
    assert found is not None
    assert found.superseded_at is None


def test_pages_of_an_audience(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """9, 11, E14: a whole audience is walked in pages: nothing is left out, of a rare purpose either."""
    monkeypatch.setattr(module, "PAGE", 100)
    links = [record(issued_at=NOW + each, purpose="sign-in" if each % 90 == 0 else "invoice") for each in range(450)]
    assert store.add(links, now=NOW, renamed={})
    rare = [link.link_id for link in links[::90]][::-1]
    wanted = Selector(audience=AUDIENCE, purpose="sign-in")
    assert [link.link_id for link in store.find(wanted, limit=99)] == rare
    assert [link.link_id for link in store.find(wanted, limit=2)] == rare[:2]
    assert [link.link_id for link in store.find(wanted, limit=99, after=rare[1])] == rare[2:]
    everything = store.find(Selector(audience=AUDIENCE), limit=999)
    assert [link.link_id for link in everything] == [link.link_id for link in links[::-1]]
    store.revoke_matching(Selector(audience=AUDIENCE, issued_before=NOW + 300), now=NOW, reason="restored")
    revoked = [link.revoked_at for link in store.find(Selector(audience=AUDIENCE), limit=999)]
    assert revoked == [None] * 150 + [NOW] * 300


def test_pages_below_an_instant(store: RedisStore) -> None:
    """11: `after` and `issued_before` together give what lies behind both."""
    links = [put(store, issued_at=NOW + each) for each in range(6)]
    wanted = Selector(audience=AUDIENCE, subject="customer-7", issued_before=NOW + 4)
    for after, left in ((links[5], links[:4]), (links[2], links[:2])):
        found = store.find(wanted, limit=9, after=after.link_id)
        assert [link.link_id for link in found] == [link.link_id for link in left[::-1]]
    beyond = Selector(audience=AUDIENCE, issued_before=2**70)
    assert len(store.find(beyond, limit=9)) == 6


def test_one_address_twice(store: RedisStore) -> None:
    """11: a recipient that is named twice is found once, and with several the newest of all come first."""
    one, other = b"\x01" * 17, b"\x02" * 17
    links = [put(store, recipient=name, issued_at=NOW + at) for at, name in enumerate((one, other, one, other))]
    found = store.find(Selector(audience=AUDIENCE, recipients=(one, other, one)), limit=3)
    assert [link.link_id for link in found] == [link.link_id for link in links[:0:-1]]
