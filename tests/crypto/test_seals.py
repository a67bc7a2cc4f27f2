"""Seals: what a browser brings back changed, respelled, late or to another place is nothing."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given
from hypothesis import strategies as st

from magiclink.crypto.keys import Key, KeyRing, derive, frame
from magiclink.crypto.seals import LONGEST, Seals
from magiclink.errors import BadArgumentError

SITE = "https://billing.example"
ONE = Key(id=1, secret=hashlib.sha256(b"one").digest())
TWO = Key(id=2, secret=hashlib.sha256(b"two").digest())
HERE = Seals(KeyRing(signing=ONE), SITE)
VALUE = b"a token and a nonce"
EXPIRES_AT = 1_800_000_000_000_000
NOW = EXPIRES_AT - 1
TEXT = HERE.seal("pending", VALUE, expires_at=EXPIRES_AT)


def raw(text: str) -> bytes:
    """Decode a sealed text."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def spelled(data: bytes) -> str:
    """Spell bytes as a sealed text is spelled."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@given(st.binary(max_size=300), st.text(max_size=10), st.integers(1, 2**63 - 1))
@example(b"", "", 1)
@example(b"x" * 2_887, "pending", 2**63 - 1)
def test_value_lost(value: bytes, kind: str, expires_at: int) -> None:
    """What is sealed comes back, to the last microsecond before its end and not at it (D02)."""
    text = HERE.seal(kind, value, expires_at=expires_at)
    assert len(text) <= LONGEST
    assert HERE.unseal(kind, text, now=expires_at - 1) == value
    assert HERE.unseal(kind, text, now=expires_at) is None
    assert HERE.unseal(kind, text, now=expires_at + 1) is None


def test_changed_format() -> None:
    """The layout is version, key id, nonce, then AES-256-GCM over expiry and value with kind, audience and key id."""
    data = raw(TEXT)
    assert data[:2] == b"\x01\x01"
    cipher = AESGCM(derive(ONE, "seal:pending", audience=SITE))
    plain = cipher.decrypt(data[2:14], data[14:], frame("pending", SITE, "1"))
    assert plain == EXPIRES_AT.to_bytes(8, "big") + VALUE
    assert VALUE not in data


def test_sealed_twice() -> None:
    """The nonce is drawn anew each time: no two seals of one value are alike."""
    texts = {HERE.seal("pending", VALUE, expires_at=EXPIRES_AT) for _ in range(1_000)}
    assert len({raw(text)[2:14] for text in texts}) == 1_000


@pytest.mark.parametrize("kind", ["grant", "pending ", "Pending", "", "form"])
def test_other_kind(kind: str) -> None:
    """C12: what was sealed for one cookie is none in another."""
    assert HERE.unseal(kind, TEXT, now=NOW) is None


def test_other_audience() -> None:
    """B04: what was sealed for one site is nothing on another with the same keys."""
    assert Seals(KeyRing(signing=ONE), "https://other.example").unseal("pending", TEXT, now=NOW) is None


def test_kind_or_audience_not_authenticated() -> None:
    """C12: kind, audience and key id are authenticated by themselves, beside the derived key."""
    cipher = AESGCM(derive(ONE, "seal:pending", audience=SITE))
    plain = EXPIRES_AT.to_bytes(8, "big") + VALUE
    for about in (frame("grant", SITE, "1"), frame("pending", "b", "1"), frame("pending", SITE, "2"), b"", None):
        forged = spelled(b"\x01\x01" + bytes(12) + cipher.encrypt(bytes(12), plain, about))
        assert HERE.unseal("pending", forged, now=NOW) is None
    genuine = spelled(b"\x01\x01" + bytes(12) + cipher.encrypt(bytes(12), plain, frame("pending", SITE, "1")))
    assert HERE.unseal("pending", genuine, now=NOW) == VALUE


def test_kind_shares_a_key() -> None:
    """C12: each kind has its own key: another kind's key seals nothing here."""
    cipher = AESGCM(derive(ONE, "seal:grant", audience=SITE))
    plain = EXPIRES_AT.to_bytes(8, "big") + VALUE
    forged = spelled(b"\x01\x01" + bytes(12) + cipher.encrypt(bytes(12), plain, frame("pending", SITE, "1")))
    assert HERE.unseal("pending", forged, now=NOW) is None


def test_retired_key() -> None:
    """C07: a retired key unseals until it leaves the ring; the signing key seals."""
    rotated = Seals(KeyRing(signing=TWO, retired=(ONE,)), SITE)
    assert rotated.unseal("pending", TEXT, now=NOW) == VALUE
    assert raw(rotated.seal("pending", VALUE, expires_at=EXPIRES_AT))[1] == TWO.id
    assert Seals(KeyRing(signing=TWO), SITE).unseal("pending", TEXT, now=NOW) is None


def test_flipped_bit() -> None:
    """G14: no bit can be changed: version, key id, nonce, expiry, value and tag are all held."""
    data = int.from_bytes(raw(TEXT), "big")
    size = len(raw(TEXT))
    flipped = [spelled((data ^ 1 << bit).to_bytes(size, "big")) for bit in range(size * 8)]
    assert [text for text in flipped if HERE.unseal("pending", text, now=NOW) is not None] == []


def test_one_character_damaged() -> None:
    """A06–A17: one character changed, removed or added, at any place, and nothing comes out."""
    for text in (HERE.seal("pending", b"x" * size, expires_at=EXPIRES_AT) for size in range(3)):
        assert HERE.unseal("pending", text, now=NOW) is not None
        for place, old in enumerate(text):
            for new in {*map(chr, range(128)), "", "Ａ", "\ud800"} - {old}:
                assert HERE.unseal("pending", text[:place] + new + text[place + 1 :], now=NOW) is None
                assert not new or HERE.unseal("pending", text[:place] + new + text[place:], now=NOW) is None


@pytest.mark.parametrize("end", ["=", "==", "\n", " ", "\0", "====", "A", "AAAA", ".", "\r\n\r\n"])
def test_two_spellings(end: str) -> None:
    """A15, A17, A20: padding and white space behind a sealed text are not skipped."""
    assert HERE.unseal("pending", TEXT + end, now=NOW) is None


@pytest.mark.parametrize("size", [0, 1, 2, 13, 14, 21, 22, 29, 37, 38])
def test_truncated(size: int) -> None:
    """A35: a sealed text of any shorter length is nothing, whole in its base64 or not."""
    assert HERE.unseal("pending", spelled(raw(TEXT)[:size]), now=NOW) is None
    assert HERE.unseal("pending", TEXT[:size], now=NOW) is None


class Hostile(str):
    """A text of its own kind."""

    __slots__ = ()


NO_TEXT = [None, [], [TEXT], {"a": 1}, 5, True, 1.5, object(), TEXT.encode(), Hostile(TEXT), "\ud800", "é" * 40]


@pytest.mark.parametrize("text", NO_TEXT, ids=range(len(NO_TEXT)))
def test_no_text(text: object) -> None:
    """A02, A04, A22: what isn't a text of ours is nothing, and raises nothing."""
    assert HERE.unseal("pending", text, now=NOW) is None


@given(st.text() | st.binary().map(spelled) | st.binary(min_size=36).map(lambda data: spelled(b"\x01\x01" + data)))
def test_anything_else(text: str) -> None:
    """Whatever a browser sends, the answer is None."""
    assert HERE.unseal("pending", text, now=0) is None


def test_too_long() -> None:
    """G36, L01: a value of 2,887 bytes is sealed in 3,900 characters; more is refused, on both sides."""
    assert len(HERE.seal("pending", bytes(2_887), expires_at=EXPIRES_AT)) == LONGEST == 3_900
    with pytest.raises(BadArgumentError):
        HERE.seal("pending", bytes(2_888), expires_at=EXPIRES_AT)
    cipher = AESGCM(derive(ONE, "seal:pending", audience=SITE))
    plain = EXPIRES_AT.to_bytes(8, "big") + bytes(2_888)
    longer = spelled(b"\x01\x01" + bytes(12) + cipher.encrypt(bytes(12), plain, frame("pending", SITE, "1")))
    assert HERE.unseal("pending", longer, now=NOW) is None
    assert HERE.unseal("pending", "A" * 10_000_000, now=NOW) is None


@pytest.mark.parametrize("expires_at", [-1, 2**63, 10**30])
def test_expiry_out_of_range(expires_at: int) -> None:
    """D09: an instant before 1970 or past 63 bits is BadArgumentError, never OverflowError."""
    with pytest.raises(BadArgumentError):
        HERE.seal("pending", VALUE, expires_at=expires_at)


def test_secret_in_a_repr() -> None:
    """M01: what seals shows no key."""
    assert repr(ONE.secret)[2:-1] not in repr(HERE)
