"""Lookup keys lead to links: one value has one key, and the links of an audience and 28 days share a period."""

from __future__ import annotations

from magiclink.stores import lookup_keys
from magiclink.stores.lookup_keys import PERIOD
from magiclink.testing.contract import record


def test_keys_of_a_record() -> None:
    """A record has a key for its subject and its series, and for resource and recipient where it has them."""
    whole, bare = record(), record(resource=None, recipient=None)
    assert len(lookup_keys.derive_keys(whole)) == 4
    assert lookup_keys.derive_keys(bare) == [
        lookup_keys.derive_key("subject", bare.subject),
        lookup_keys.derive_key("series", bare.series),
    ]


def test_kinds_apart() -> None:
    """The same value under another kind has another key of 16 bytes; text goes by its UTF-8."""
    keys = [lookup_keys.derive_key(kind, "é") for kind in ("subject", "resource", "recipient", "series")]
    assert len(set(keys)) == 4
    assert {len(key) for key in keys} == {16}
    assert lookup_keys.derive_key("subject", "é") == lookup_keys.derive_key("subject", "é".encode())


def test_lone_surrogate() -> None:
    """A text that isn't UTF-8 has a key too: to refuse it is the driver's business."""
    assert lookup_keys.derive_key("subject", "\ud800")
    assert lookup_keys.derive_prefix("\ud800")


def test_rows() -> None:
    """Every row of a record has its period, one of its lookup keys and its link id."""
    link = record()
    period = lookup_keys.derive_period(link.audience, link.link_id)
    assert lookup_keys.list_rows(link) == [(period, key, link.link_id) for key in lookup_keys.derive_keys(link)]


def test_period_of_an_expiry() -> None:
    """Links that expire within the same 28 days share a period; the next period sorts behind it."""
    first = [seconds.to_bytes(4, "big") + bytes(16) for seconds in (0, PERIOD - 1)]
    second = PERIOD.to_bytes(4, "big") + bytes(16)
    assert [lookup_keys.number_period(link_id) for link_id in first] == [b"\0\0", b"\0\0"]
    assert lookup_keys.number_period(second) == b"\0\1"
    assert lookup_keys.FIRST <= lookup_keys.number_period(b"\xff" * 20) < lookup_keys.LAST


def test_period_of_an_audience() -> None:
    """M12: two audiences share no period, and the periods of one begin alike, within its bounds."""
    ours, theirs = (
        lookup_keys.derive_period(audience, bytes(20)) for audience in ("https://a.example", "https://b.example")
    )
    assert ours[:6] == lookup_keys.derive_prefix("https://a.example") != theirs[:6]
    assert len(ours) == 8
    first, last = lookup_keys.derive_bounds("https://a.example")
    assert first <= ours < last
    assert not first <= theirs < last
