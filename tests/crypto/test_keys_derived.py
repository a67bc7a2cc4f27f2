"""What is derived from keys: contexts, and a key of its own for every use."""

import hashlib
import hmac
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink.crypto.keys import Key, derive, derive_context, derive_contexts, frame, make_mac
from magiclink.errors import BadArgumentError, ConfigurationError

SITE = "https://billing.example"
ONE = Key(id=1, secret=hashlib.sha256(b"one").digest())
TWO = Key(id=2, secret=hashlib.sha256(b"two").digest())


def test_context_of_another_purpose() -> None:
    """A context is three bytes of SHA-256 over purpose and audience, each behind its length."""
    words = b"\x00\x07invoice" + b"\x00\x17https://billing.example"
    assert derive_context("invoice", SITE) == hashlib.sha256(words).digest()[:3]
    assert derive_contexts(["invoice", "sign-in"], SITE) == {
        each: derive_context(each, SITE) for each in ("invoice", "sign-in")
    }
    assert derive_context("ab", "c") != derive_context("a", "bc")


def test_shared_context() -> None:
    """Two purposes with one context are refused when they are registered: a token would name two keys."""
    seen: dict[bytes, str] = {}
    for number in range(100_000):
        name = f"p{number}"
        if (other := seen.setdefault(derive_context(name, SITE), name)) != name:
            break
    else:
        pytest.fail("no two names share a context")
    with pytest.raises(ConfigurationError, match="rename"):
        derive_contexts([other, "invoice", name], SITE)
    assert len(derive_contexts([name, name], SITE)) == 1


def hkdf(secret: bytes, info: bytes) -> bytes:
    """Derive 32 bytes by RFC 5869 without salt, from the standard library alone."""
    return hmac.digest(hmac.digest(bytes(32), secret, "sha256"), info + b"\x01", "sha256")


def test_other_derivation() -> None:
    """A derived key is HKDF-SHA-256 over the length-prefixed use, version, purpose and audience."""
    info = b"\x00\x05token\x00\x011\x00\x07invoice\x00\x02\xc3\xa9"
    assert derive(ONE, "token", purpose="invoice", audience="é") == hkdf(ONE.secret, info)
    assert derive(ONE, "stamp", audience="") == hkdf(ONE.secret, b"\x00\x05stamp\x00\x011\x00\x00\x00\x00")


def test_two_uses_with_one_key() -> None:
    """B05, C12: every use, purpose, audience and root key derives its own key, however the words are cut."""
    uses = ["token", "seal:pending", "seal:grant", "recipient", "stamp", "browser", "series", "a", "ab", "abc", ""]
    names = ["", "a", "b", "c", "ab", "bc", "abc", "1", "invoice"]
    parts = list(product((ONE, TWO), uses, names, names))
    derived = {derive(key, use, purpose=purpose, audience=audience) for key, use, purpose, audience in parts}
    assert len(derived) == len(parts)
    assert not derived & {ONE.secret, TWO.secret}


def test_other_tag() -> None:
    """The MAC that is copied is HMAC-SHA-256 under the derived key, and a copy leaves it as it was."""
    keyed = make_mac(ONE, "token", purpose="invoice", audience=SITE)
    for message in (b"one", b"two"):
        one = keyed.copy()
        one.update(message)
        assert one.finalize() == hmac.digest(derive(ONE, "token", purpose="invoice", audience=SITE), message, "sha256")


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_two_lists_framed_alike(one: list[str], other: list[str]) -> None:
    """B05: different lists of texts are different bytes, also where a text is half of a surrogate pair."""
    assert (frame(*one) == frame(*other)) == (one == other)
    assert frame("\ud800") != frame("\ud801")


def test_text_too_long_to_frame() -> None:
    """A text of 65,535 bytes is framed; a longer one is BadArgumentError."""
    assert frame("é" * 32_767 + "x")[:2] == b"\xff\xff"
    with pytest.raises(BadArgumentError):
        frame("é" * 32_768)
