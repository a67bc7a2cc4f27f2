"""Tokens: the format to the byte, and everything that isn't one refused."""

import base64
import hashlib
import hmac
import string
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from magiclink.crypto import tokens as module
from magiclink.crypto.keys import Key, KeyRing, derive_contexts
from magiclink.crypto.tokens import Genuine, Tokens
from magiclink.errors import BadArgumentError

SECOND = 1_000_000
SITE = "https://billing.example"
EXPIRES_AT = 1_800_000_000 * SECOND
ONE = Key(id=1, secret=hashlib.sha256(b"one").digest())
TWO = Key(id=2, secret=hashlib.sha256(b"two").digest())


def tokens(*keys: Key, audience: str = SITE, purposes: tuple[str, ...] = ("invoice", "sign-in")) -> Tokens:
    """Build the Tokens: the first key signs, the others are retired."""
    signing, *retired = keys or (ONE,)
    return Tokens(KeyRing(signing=signing, retired=tuple(retired)), audience, derive_contexts(purposes, audience))


HERE = tokens()
TOKEN, LINK_ID = HERE.make("invoice", expires_at=EXPIRES_AT)


def framed(*parts: str) -> bytes:
    """Length-prefix texts, written out a second time."""
    return b"".join(len(part.encode()).to_bytes(2, "big") + part.encode() for part in parts)


def expected(
    key: Key, purpose: str, secret: bytes, *, audience: str = SITE, seconds: int = 1_800_000_000, version: int = 1
) -> str:
    """Make a token with nothing but the standard library, from the words of the specification."""
    context = hashlib.sha256(framed(purpose, audience)).digest()[:3]
    signed = bytes((version, key.id)) + context + seconds.to_bytes(4, "big") + secret
    extracted = hmac.digest(bytes(32), key.secret, "sha256")
    derived = hmac.digest(extracted, framed("token", "1", purpose, audience) + b"\x01", "sha256")
    return base64.urlsafe_b64encode(signed + hmac.digest(derived, signed, "sha256")[:16]).decode()


def raw(token: str) -> bytes:
    """Decode a token."""
    return base64.urlsafe_b64decode(token)


def text(data: bytes) -> str:
    """Spell bytes as a token is spelled."""
    return base64.urlsafe_b64encode(data).decode()


# The vectors: secret, seconds, purpose, audience, token, link id in hex. Version 1 means these bytes for good.
VECTORS = [
    (
        bytes(range(20)),
        1_800_000_000,
        "invoice",
        "https://billing.example",
        "AQH6gTJrSdIAAAECAwQFBgcICQoLDA0ODxAREhMXu0qQXHpdjo_srhb8Tebr",
        "6b49d200e7aebf577f60412f0312d442c70a1fa6",
    ),
    (
        b"\xff" * 20,
        0,
        "sign-in",
        "https://billing.example",
        "AQFBf1gAAAAA__________________________9S1bAl28rdD7mpGLUKtLn0",
        "000000009a8dcd3f9ff7aa3114e141f03c12989d",
    ),
    (
        hashlib.sha256(b"a secret").digest()[:20],
        2**32 - 1,
        "invoice",
        "tenant-é",
        "AQH37ir_____mEylFiIAc0xZIUjxggtxBX8JhXOx4CcrNmFyD5aDgAuXUBp_",
        "ffffffffc012a2df6552a63e5ad847f2a3d5fa6a",
    ),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_changed_format(vector: tuple[bytes, int, str, str, str, str]) -> None:
    """A token of version 1 is the same bytes for ever, and is what the specification says."""
    secret, seconds, purpose, audience, token, link_id = vector
    assert expected(ONE, purpose, secret, audience=audience, seconds=seconds) == token
    assert tokens(audience=audience).open(token) == (purpose, bytes.fromhex(link_id))


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**32 - 1), st.sampled_from(["invoice", "sign-in"]))
def test_genuine_token_refused(secret: bytes, seconds: int, purpose: str) -> None:
    """Whatever the secret and the expiry, what was made by the specification is opened."""
    link_id = seconds.to_bytes(4, "big") + hashlib.sha256(secret).digest()[:16]
    assert HERE.open(expected(ONE, purpose, secret, seconds=seconds)) == (purpose, link_id)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["invoice", "sign-in"]))
@example(2**31 - 1, "invoice")
@example(2**31, "invoice")
@example(2**32 - 1, "sign-in")
@example(0, "sign-in")
def test_round_trip_lost_something(seconds: int, purpose: str) -> None:
    """D09: what is made is opened, with its link id and its expiry, to 2106 and past 2038."""
    token, link_id = HERE.make(purpose, expires_at=seconds * SECOND)
    assert HERE.open(token) == Genuine(purpose, link_id)
    assert token == expected(ONE, purpose, raw(token)[9:29], seconds=seconds)
    assert link_id == seconds.to_bytes(4, "big") + hashlib.sha256(raw(token)[9:29]).digest()[:16]


@pytest.mark.parametrize(
    "expires_at", [EXPIRES_AT + 1, -1, -SECOND, 2**32 * SECOND, 2**33 * SECOND, 2**40 * SECOND, 10**30]
)
def test_expiry_out_of_range(expires_at: int) -> None:
    """D09: a part of a second, an instant before 1970 or past 2106 is BadArgumentError, never OverflowError."""
    with pytest.raises(BadArgumentError):
        HERE.make("invoice", expires_at=expires_at)


def test_unregistered_purpose() -> None:
    """A purpose without a policy here gets no token."""
    with pytest.raises(BadArgumentError):
        HERE.make("Invoice", expires_at=EXPIRES_AT)


def test_token_that_a_mail_program_cuts() -> None:
    """No token ends in - or _, which programs that find links leave out; every other end occurs."""
    ends = {HERE.make("invoice", expires_at=EXPIRES_AT)[0][-1] for _ in range(2_000)}
    assert ends == set(string.ascii_letters + string.digits)


def test_genuine_result_is_a_value() -> None:
    """What open gives is a Genuine with its fields by name."""
    found = HERE.open(TOKEN)
    assert type(found) is Genuine
    assert (found.purpose, found.link_id) == ("invoice", LINK_ID)


@pytest.mark.parametrize("key", [ONE, TWO])
@pytest.mark.parametrize("end", ["-", "_"])
def test_end_that_is_never_made_is_still_read(key: Key, end: str) -> None:
    """Only `make` draws again: a verifier takes each of the 64 last characters."""
    numbers = (number.to_bytes(20, "big") for number in range(10_000))
    token = next(found for number in numbers if (found := expected(key, "invoice", number)).endswith(end))
    assert tokens(ONE, TWO).open(token) is not None


@pytest.mark.parametrize("version", [0, 2, 99, 255])
def test_other_version(version: int) -> None:
    """A31, A32: a token of another version is refused even where its tag is right; there is no older parser."""
    assert HERE.open(expected(ONE, "invoice", bytes(20), version=version)) is None


@pytest.mark.parametrize("start", [0, 9, 29])
def test_parts_of_two_tokens(start: int) -> None:
    """A34: the tag of one token on the content of another is refused, and so is any other mixture."""
    one, other = raw(TOKEN), raw(HERE.make("sign-in", expires_at=EXPIRES_AT)[0])
    assert HERE.open(text(one[:29] + other[29:])) is None
    assert HERE.open(text(other[:29] + one[29:])) is None
    assert HERE.open(text(other[:start] + one[start : start + 5] + other[start + 5 :])) is None


@pytest.mark.parametrize("size", [0, 1, 8, 15, 17, 32])
def test_truncated_signature(size: int) -> None:
    """A35: a tag of any other length is refused, also one that is right as far as it goes."""
    data = raw(TOKEN)
    whole = data[29:] + bytes(16)
    assert HERE.open(base64.urlsafe_b64encode(data[:29] + whole[:size]).decode().rstrip("=")) is None


def test_empty_signature_of_the_right_length() -> None:
    """A35: sixteen bytes that are no tag are refused, of zeros and of another key's."""
    assert HERE.open(text(raw(TOKEN)[:29] + bytes(16))) is None
    forged = bytearray(raw(expected(TWO, "invoice", bytes(20))))
    forged[1] = ONE.id
    assert HERE.open(text(bytes(forged))) is None


def test_other_purpose() -> None:
    """B01: a token says its own purpose, whatever it is presented for, and can't be made to say another."""
    token, _ = HERE.make("sign-in", expires_at=EXPIRES_AT)
    found = HERE.open(token)
    assert found is not None
    assert found.purpose == "sign-in"
    context = derive_contexts(["invoice"], SITE)["invoice"]
    assert HERE.open(text(raw(token)[:2] + context + raw(token)[5:])) is None


def test_unregistered_purpose_presented() -> None:
    """B01: a genuine token of a purpose that isn't registered here is refused."""
    assert tokens(purposes=("sign-in",)).open(TOKEN) is None


def test_other_audience() -> None:
    """B04: a token of one tenant is refused by another with the same keys, under its own context as well."""
    there = tokens(audience="https://other.example")
    assert there.open(TOKEN) is None
    context = derive_contexts(["invoice"], "https://other.example")["invoice"]
    assert there.open(text(raw(TOKEN)[:2] + context + raw(TOKEN)[5:])) is None


def test_same_context_of_two_audiences() -> None:
    """B04: where two audiences share a context by chance, the derived key still tells them apart."""
    shared = {"invoice": b"abc"}
    here, there = (Tokens(KeyRing(signing=ONE), audience, shared) for audience in ("a", "b"))
    token, _ = here.make("invoice", expires_at=EXPIRES_AT)
    assert here.open(token) is not None
    assert there.open(token) is None


def test_unknown_key() -> None:
    """B17: the id of a key that isn't on the ring is refused; no other key is tried, and none that is empty."""
    assert tokens(TWO).open(TOKEN) is None
    renamed = Key(id=9, secret=ONE.secret)
    assert HERE.open(expected(renamed, "invoice", bytes(20))) is None
    assert HERE.open(text(bytes((1, 0)) + raw(TOKEN)[2:])) is None


def test_retired_key() -> None:
    """C07, C11: a retired key opens what it signed until it leaves the ring, and signs nothing more."""
    rotated = tokens(TWO, ONE)
    assert rotated.open(TOKEN) == ("invoice", LINK_ID)
    assert raw(rotated.make("invoice", expires_at=EXPIRES_AT)[0])[1] == TWO.id
    assert tokens(TWO).open(TOKEN) is None
    assert tokens(ONE, TWO).open(rotated.make("invoice", expires_at=EXPIRES_AT)[0]) is not None


def test_random_token_accepted() -> None:
    """L02: ten thousand well-formed tokens with a head of ours are all refused."""
    head = raw(TOKEN)[:5]
    numbers = (hashlib.sha512(number.to_bytes(4, "big")).digest()[:40] for number in range(10_000))
    assert [each for each in numbers if HERE.open(text(head + each)) is not None] == []


def test_tag_compared_by_another_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """K04, K05: the tag is compared by `hmac.compare_digest`, once, on bytes of one length; nothing else gets there."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(module, "compare_digest", compare)
    for place in (29, 44):
        data = bytearray(raw(TOKEN))
        data[place] ^= 1
        assert HERE.open(text(bytes(data))) is None
    assert [(type(one), len(one), type(other), len(other)) for one, other in compared] == [(bytes, 16, bytes, 16)] * 2
    foreign = [TOKEN[:59] + "=", TOKEN[:58] + "==", TOKEN[:56] + "!!!!", TOKEN[:56] + "++++", TOKEN[:56] + "////"]
    for refused in (text(bytes(45)), TOKEN[:56], *foreign):
        assert HERE.open(refused) is None
    assert len(compared) == 2


def test_secret_in_a_repr() -> None:
    """M01: neither what opens tokens nor what a token proves shows a token, a secret or a key."""
    shown = f"{HERE!r} {HERE} {HERE.open(TOKEN)!r}"
    assert TOKEN not in shown
    assert repr(raw(TOKEN)[9:29]) not in shown
    assert repr(ONE.secret) not in shown


def test_token_left_in_a_frame() -> None:
    """M07: where `make` fails, no frame of it holds a token; `open` fails never."""
    seen: list[dict[str, object]] = []
    for call in (lambda: HERE.make("unknown", expires_at=0), lambda: HERE.make("invoice", expires_at=1)):
        seen.extend(frames_of(call))
    assert seen
    assert not [value for each in seen for value in each.values() if isinstance(value, str) and len(value) == 60]


def frames_of(call: Callable[[], object]) -> list[dict[str, object]]:
    """Return the locals of every frame that an error passed through, below this one."""
    with pytest.raises(BadArgumentError) as caught:
        call()
    return [
        dict(entry.frame.f_locals) for entry in caught.traceback if entry.frame.code.raw.co_filename == module.__file__
    ]


def test_key_of_another_use() -> None:
    """C12: a tag made under the root key itself, or under the key of another use, is refused."""
    signed = raw(TOKEN)[:29]
    extracted = hmac.digest(bytes(32), ONE.secret, "sha256")
    for derived in (
        ONE.secret,
        hmac.digest(extracted, framed("seal:pending", "1", "invoice", SITE) + b"\x01", "sha256"),
        hmac.digest(extracted, framed("token", "2", "invoice", SITE) + b"\x01", "sha256"),
    ):
        assert HERE.open(text(signed + hmac.digest(derived, signed, "sha256")[:16])) is None
