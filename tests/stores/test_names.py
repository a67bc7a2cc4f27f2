"""Names lead to links: the same value has the same name, and every link of 28 days and an audience is in one bucket."""

from __future__ import annotations

from magiclink.stores import names
from magiclink.stores.names import PERIOD
from magiclink.testing.contract import record


def test_names_of_a_record() -> None:
    """A record has a name for its subject and its series, and for resource and recipient where it has them."""
    whole, bare = record(), record(resource=None, recipient=None)
    assert len(names.names(whole)) == 4
    assert names.names(bare) == [names.name("subject", bare.subject), names.name("series", bare.series)]


def test_kinds_apart() -> None:
    """The same value under another kind has another name of 16 bytes; text goes by its UTF-8."""
    given = [names.name(kind, "é") for kind in ("subject", "resource", "recipient", "series")]
    assert len(set(given)) == 4
    assert {len(name) for name in given} == {16}
    assert names.name("subject", "é") == names.name("subject", "é".encode())


def test_lone_surrogate() -> None:
    """A text that isn't UTF-8 has a name too: to refuse it is the driver's business."""
    assert names.name("subject", "\ud800")
    assert names.prefix("\ud800")


def test_rows() -> None:
    """Every row of a record has its bucket, one of its names and its link id."""
    link = record()
    bucket = names.bucket(link.audience, link.link_id)
    assert names.rows(link) == [(bucket, name, link.link_id) for name in names.names(link)]


def test_bucket_of_an_expiry() -> None:
    """Links that expire within the same 28 days share a bucket; the next bucket sorts behind it."""
    first = [seconds.to_bytes(4, "big") + bytes(16) for seconds in (0, PERIOD - 1)]
    second = PERIOD.to_bytes(4, "big") + bytes(16)
    assert [names.period(link_id) for link_id in first] == [b"\0\0", b"\0\0"]
    assert names.period(second) == b"\0\1"
    assert names.FIRST <= names.period(b"\xff" * 20) < names.LAST


def test_bucket_of_an_audience() -> None:
    """M12: two audiences share no bucket, and the buckets of one begin alike."""
    ours, theirs = (names.bucket(audience, bytes(20)) for audience in ("https://a.example", "https://b.example"))
    assert ours[:6] == names.prefix("https://a.example") != theirs[:6]
    assert len(ours) == 8
