"""Digests of what a record must compare and never hold: kept apart by key, use, audience and part."""

import hashlib
import hmac
from itertools import product
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink.crypto.keys import Digester, Key, KeyRing, derive, frame
from magiclink.errors import BadArgumentError

SITE = "https://billing.example"
ONE = Key(id=1, secret=hashlib.sha256(b"one").digest())
TWO = Key(id=2, secret=hashlib.sha256(b"two").digest())
BEFORE = Digester(KeyRing(signing=ONE), SITE)
ROTATED = Digester(KeyRing(signing=TWO, retired=(ONE,)), SITE)
AFTER = Digester(KeyRing(signing=TWO), SITE)
ADDRESS = "ap@acme.example"


def test_other_digest() -> None:
    """A digest is its key's id, then 16 bytes of HMAC-SHA-256 under the key of its use."""
    tag = hmac.digest(derive(ONE, "recipient", audience=SITE), frame(ADDRESS), "sha256")[:16]
    assert BEFORE.digest("recipient", ADDRESS) == b"\x01" + tag


def test_digest_under_a_retired_key() -> None:
    """C07: a digest made before a rotation matches while its key is on the ring, and not afterwards."""
    old = BEFORE.digest("recipient", ADDRESS)
    assert ROTATED.digest("recipient", ADDRESS)[0] == TWO.id
    assert ROTATED.digest_all("recipient", ADDRESS) == (AFTER.digest("recipient", ADDRESS), old)
    assert ROTATED.matches("recipient", old, ADDRESS)
    assert not AFTER.matches("recipient", old, ADDRESS)


@pytest.mark.parametrize("value", ["AP@acme.example", ADDRESS + " ", ADDRESS[:-1], "", "\ud800", "é" * 1000])
def test_digest_of_another_value(value: str) -> None:
    """A digest matches its own value alone, byte for byte; text that is no Unicode differs and raises nothing."""
    digest = BEFORE.digest("recipient", ADDRESS)
    assert BEFORE.matches("recipient", digest, ADDRESS)
    assert not BEFORE.matches("recipient", digest, value)
    assert BEFORE.matches("recipient", BEFORE.digest("recipient", value), value)


def test_digest_of_another_use() -> None:
    """C12: one value has another digest for each use, audience and key."""
    uses = ("recipient", "stamp", "browser", "attempt", "series", "token")
    digesters = (BEFORE, AFTER, Digester(KeyRing(signing=ONE), "https://other.example"))
    digests = {digester.digest(use, ADDRESS)[1:] for digester, use in product(digesters, uses)}
    assert len(digests) == len(uses) * len(digesters)
    assert not BEFORE.matches("stamp", BEFORE.digest("recipient", ADDRESS), ADDRESS)


def test_none_matched_something() -> None:
    """None matches None alone: a record without a stamp is no record with any."""
    digest = BEFORE.digest("stamp", "")
    assert BEFORE.matches("stamp", None, None)
    assert not BEFORE.matches("stamp", None, "")
    assert not BEFORE.matches("stamp", digest, None)
    assert BEFORE.matches("stamp", digest, "")


@pytest.mark.parametrize("digest", [b"", b"\x01", b"\x01" + bytes(16), b"\x09" + bytes(16), bytes(40)])
def test_damaged_digest(digest: bytes) -> None:
    """A digest that a store cut or made up matches nothing and raises nothing; an empty one too."""
    assert not BEFORE.matches("stamp", digest, "")
    assert not BEFORE.matches("stamp", BEFORE.digest("stamp", "")[:-1], "")
    assert not BEFORE.matches("stamp", BEFORE.digest("stamp", "") + b"\0", "")


def test_digest_compared_by_another_operator() -> None:
    """K04, K05: digests are compared in constant time, as bytes."""
    with patch("magiclink.crypto.keys.compare_digest", wraps=hmac.compare_digest) as compare:
        BEFORE.matches("stamp", BEFORE.digest("stamp", "a"), "b")
    assert [type(each) for each in compare.call_args.args] == [bytes, bytes]


def test_value_too_long() -> None:
    """A value past 65,535 bytes is BadArgumentError."""
    with pytest.raises(BadArgumentError):
        BEFORE.digest("recipient", "a" * 65_536)


PARTS = st.none() | st.text(max_size=3)


@given(st.tuples(st.text(max_size=3), PARTS, PARTS), st.tuples(st.text(max_size=3), PARTS, PARTS))
def test_two_series_with_one_name(
    one: tuple[str, str | None, str | None], other: tuple[str, str | None, str | None]
) -> None:
    """B05: a series' name tells its parts apart, None from "" as well."""
    assert (BEFORE.name_series("invoice", *one) == BEFORE.name_series("invoice", *other)) == (one == other)


def test_series_with_none() -> None:
    """B05: None, "" and a part that moves over are three series."""
    parts = (None, "", "a", "\0", "\1", "ab")
    names = {BEFORE.name_series("invoice", *three) for three in product(("", "a", "ab"), parts, parts)}
    assert len(names) == 3 * 6 * 6


def test_series_after_a_rotation() -> None:
    """A series is named under every key, the signing key's name first; others have others."""
    names = ROTATED.name_series("invoice", "customer-7", "invoice:1001", None)
    assert [len(name) for name in names] == [16, 16]
    assert names == (
        *AFTER.name_series("invoice", "customer-7", "invoice:1001", None),
        *BEFORE.name_series("invoice", "customer-7", "invoice:1001", None),
    )
    message = frame("customer-7") + b"\1" + frame("invoice:1001") + b"\0"
    keyed = derive(TWO, "series", purpose="invoice", audience=SITE)
    assert names[0] == hmac.digest(keyed, message, "sha256")[:16]
    assert names != ROTATED.name_series("sign-in", "customer-7", "invoice:1001", None)
    assert names != Digester(KeyRing(signing=TWO, retired=(ONE,)), "b").name_series(
        "invoice", "customer-7", "invoice:1001", None
    )


def test_derived_at_each_digest() -> None:
    """A key is derived once for its use: deriving costs more than the digest."""
    digester = Digester(KeyRing(signing=ONE), SITE)
    with patch("magiclink.crypto.keys.derive", wraps=derive) as derived:
        for number in range(5):
            digester.digest("stamp", str(number))
            digester.digest("recipient", str(number))
            digester.name_series("invoice", str(number), None, None)
            digester.name_series("sign-in", str(number), None, None)
    assert derived.call_count == 4


def test_digest_shows_a_value() -> None:
    """M01: neither the digester's repr nor a digest holds the value or a key."""
    shown = f"{BEFORE!r} {BEFORE.digest('recipient', ADDRESS)!r}"
    assert ADDRESS not in shown
    assert repr(ONE.secret)[2:-1] not in shown
