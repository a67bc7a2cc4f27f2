"""Tokens that aren't: cut, damaged, respelled, foreign, huge or no text at all; each is refused and raises nothing."""

import base64
import string
import tracemalloc
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from magiclink.crypto.keys import Key, KeyRing, derive_contexts
from magiclink.crypto.tokens import Tokens

ALPHABET = string.ascii_letters + string.digits + "-_"
EXPIRES_AT = 1_800_000_000_000_000
SITE = "https://billing.example"
HERE = Tokens(KeyRing(signing=Key.generate()), SITE, derive_contexts(["invoice", "sign-in"], SITE))
TOKEN, _ = HERE.make("invoice", expires_at=EXPIRES_AT)


def raw(token: str) -> bytes:
    """Decode a token."""
    return base64.urlsafe_b64decode(token)


def text(data: bytes) -> str:
    """Spell bytes as a token is spelled."""
    return base64.urlsafe_b64encode(data).decode()


class Hostile(str):
    """A text that raises or lies when it is asked."""

    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError

    def isascii(self) -> bool:
        """Raise."""
        raise RuntimeError

    def encode(self, *_: object) -> bytes:
        """Return another text's bytes."""
        return TOKEN.encode()


NO_TEXT = [
    None, [], ["tok"], [TOKEN], {"a": 1}, {TOKEN: TOKEN}, 5, True, 1.5, object(), TOKEN.encode(), bytearray(60),
    (TOKEN,), Hostile(TOKEN), float("nan"), str, Ellipsis,
]  # fmt: skip


@pytest.mark.parametrize("token", NO_TEXT, ids=lambda token: type(token).__name__)
def test_no_text(token: object) -> None:
    """A02, A04, A05: what isn't a text is no token, and raises nothing."""
    assert HERE.open(token) is None


MALFORMED = {
    "A01: nothing": "",
    "A05: a parameter": "token[]=x",
    "A15: one sign of padding": TOKEN + "=",
    "A15: two": TOKEN + "==",
    "A15: four": TOKEN + "====",
    "A15: padding and more": TOKEN + "=AAAA",
    "A15: padding for the end": TOKEN[:-1] + "=",
    "A15: padding inside": TOKEN[:30] + "==" + TOKEN[32:],
    "A17: newlines": TOKEN + "\n" * 4,
    "A17: spaces": TOKEN + " " * 4,
    "A17: NULs": TOKEN + "\0" * 4,
    "A17: two lines": TOKEN + "\r\n\r\n",
    "A17: a space before": " " + TOKEN,
    "A17: a space for the last": TOKEN[:-1] + " ",
    "A19: a foreign word inside": TOKEN[:50] + "<!!>" + TOKEN[50:],
    "A20: one newline": TOKEN + "\n",
    "A20: a newline for the last": TOKEN[:-1] + "\n",
    "A21: a full-width digit": TOKEN[:-1] + "３",
    "A21: a full-width letter": "Ａ" + TOKEN[1:],
    "A21: an Arabic digit": TOKEN[:-1] + "\u0663",
    "A22: half of a pair": "\ud800",
    "A22: half of a pair inside": TOKEN[:-1] + "\ud800",
    "A24: an encoded NUL": TOKEN[:20] + "%00" + TOKEN[20:],
    "A24: NUL inside": TOKEN[:20] + "\0" + TOKEN[21:],
    "A25: percent-encoded once": "".join(f"%{ord(each):02X}" for each in TOKEN),
    "A26: percent-encoded twice": "".join(f"%25{ord(each):02X}" for each in TOKEN),
    "A29: a soft line break": TOKEN[:30] + "=\r\n" + TOKEN[30:],
    "A29: wrapped with a space": TOKEN[:30] + " " + TOKEN[30:],
    "A30: twice": TOKEN + TOKEN,
    "A30: with another": TOKEN + HERE.make("sign-in", expires_at=EXPIRES_AT)[0],
    "A36: a prefix": "ml1_" + TOKEN,
    "A36: a JWT": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjdXN0b21lci03In0.",
    "A36: Django's": "MTI:1sXyZa:6u9Dq0Yw6Yb1mE2n0cG1l6sJ7b4mKcR8fV5tN3xW2zQ",
    "A36: another product's of this length": "A" * 60,
    "A36: Fernet's": Fernet(Fernet.generate_key()).encrypt(b"x").decode(),
    "A36: itsdangerous' timed": URLSafeTimedSerializer("k" * 32).dumps({"id": 7}),
    "A36: itsdangerous' signer": TimestampSigner("k" * 32).sign("x").decode(),
    "B16: a path": "../../etc/passwd",
    "B16: SQL": "1' OR '1'='1",
    "B16: 4 KB": "A" * 4096,
    "L01: 1 MB": "A" * 1_000_000,
    "L01: 10 MB": TOKEN * 170_000,
    "L01: 10 MB of no ASCII": "é" * 10_000_000,
} | {f"A27: followed by {end}": TOKEN + end for end in '.)>",'}


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(token: str) -> None:
    """A01–A36, B16, L01: what hasn't exactly the shape of a token is refused, and raises nothing."""
    assert HERE.open(token) is None


def test_long_text_read() -> None:
    """L01: a long text is refused by its length: nothing is allocated in its size."""
    long = "A" * 10_000_000
    HERE.open(long)
    tracemalloc.start()
    try:
        assert HERE.open(long) is None
        assert tracemalloc.get_traced_memory()[1] < 2_000
    finally:
        tracemalloc.stop()


def damaged(token: str) -> Iterator[str]:
    """Return every token that differs from one by a character that was changed, removed, added, swapped or cased."""
    for place, old in enumerate(token):
        before, after = token[:place], token[place + 1 :]
        yield before + after
        yield before + old.swapcase() + after
        yield before + after[:1] + old + after[1:]
        yield before
        yield after
        for new in {*map(chr, range(256)), "３", "Ａ", "\ud800", "\u2028"}:
            yield before + new + after
            yield before + new + old + after
    yield from (token + new for new in map(chr, range(256)))


@pytest.mark.parametrize("purpose", ["invoice", "sign-in"])
def test_one_character_damaged(purpose: str) -> None:
    """A06, A07, A09, A11, A12, A14, A16: one character other than the original, at any place, is never accepted."""
    token, _ = HERE.make(purpose, expires_at=EXPIRES_AT)
    assert HERE.open(token) is not None
    wrong = [other for other in damaged(token) if other != token and HERE.open(other) is not None]
    assert wrong == []


def test_two_spellings() -> None:
    """A14, A16: of all texts that decode to the bytes of a token, one is accepted."""
    made = (HERE.make("invoice", expires_at=EXPIRES_AT)[0] for _ in range(1_000))
    token = next(token for token in made if {"-", "_"} <= set(token))
    assert HERE.open(token) is not None
    for other in (token.replace("-", "+"), token.replace("_", "/"), token.replace("-", "+").replace("_", "/")):
        assert HERE.open(other) is None


def test_flipped_bit() -> None:
    """A10: no bit can be changed, in the head, the content or the tag."""
    data = int.from_bytes(raw(TOKEN), "big")
    flipped = [text((data ^ 1 << bit).to_bytes(45, "big")) for bit in range(360)]
    assert [other for other in flipped if HERE.open(other) is not None] == []


@given(st.one_of(st.text(), st.text(alphabet=ALPHABET, min_size=60, max_size=60), st.binary(), st.none(), st.floats()))
def test_anything_else(token: object) -> None:
    """Whatever it is given, `open` answers None and raises nothing."""
    assert HERE.open(token) is None
