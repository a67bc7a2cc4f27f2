"""What is packed comes back, sorts as it should, or is refused."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink.errors import BadArgumentError
from magiclink.records import Record
from magiclink.stores.base import LARGEST
from magiclink.stores.redis import encoding
from magiclink.stores.redis.version import VERSION
from magiclink.testing.contract import record

if TYPE_CHECKING:
    from collections.abc import Callable

integers = st.integers(-LARGEST, LARGEST)
ways: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"])),
    bytes: st.binary(),
    int: integers,
    str | None: st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    bytes | None: st.none() | st.binary(),
    int | None: st.none() | integers,
}
records = st.builds(Record, **{name: ways[hint] for name, hint in get_type_hints(Record).items()})


@given(records)
def test_record_comes_back(written: Record) -> None:
    """B09, D16: every field comes back as it went in; nothing and empty are two values."""
    assert encoding.unpack_record(encoding.pack_record(written)) == written


def test_layout_of_this_version() -> None:
    """What is kept is read by its order alone: another order of fields needs another version beside it here."""
    layout = ",".join(encoding._INTEGERS + encoding._TEXTS)
    assert (VERSION, sha256(layout.encode()).hexdigest()[:16]) == (b"2", "3714cfff519eb3dd")


@pytest.mark.parametrize(
    "changes",
    [
        {"issued_at": 2**53},
        {"last_opened_at": -(2**53)},
        {"renewals": -(2**63)},
        {"subject": "\ud800"},
        {"resource": "\ud800"},
        {"resource": "x" * 65_534},
        {"revoke_reason": "x" * 65_535},
        {"series": b"x" * 65_535},
    ],
)
def test_field_that_does_not_fit(changes: dict[str, Any]) -> None:
    """An integer beyond 53 bits, text that isn't UTF-8 and a text too long for its length are BadArgumentError."""
    with pytest.raises(BadArgumentError):
        encoding.pack_record(record()._replace(**changes))


def test_largest_texts() -> None:
    """The longest text that fits comes back."""
    written = record(resource="x" * 65_533, subject="x" * 65_534)
    assert encoding.unpack_record(encoding.pack_record(written)) == written


@pytest.mark.parametrize("value", [2**53, -(2**53), 2**63])
def test_integer_that_does_not_fit(value: int) -> None:
    """An integer beyond 53 bits is BadArgumentError, alone too, and the message has the bounds."""
    with pytest.raises(BadArgumentError, match=f"from -{LARGEST} to {LARGEST}"):
        encoding.encode_integer(value)


def test_integer_as_digits() -> None:
    """An integer is written in digits, the largest too."""
    assert [encoding.encode_integer(each) for each in (0, -1)] == [b"0", b"-1"]
    assert [int(encoding.encode_integer(each)) for each in (LARGEST, -LARGEST)] == [LARGEST, -LARGEST]


TOO_LONG: dict[str, Callable[[], bytes]] = {
    "text": lambda: encoding.encode_text("x" * 65_535),
    "bytes": lambda: encoding.encode_bytes(b"x" * 65_535),
    "optional": lambda: encoding.encode_optional("x" * 65_534),
}


@pytest.mark.parametrize("kind", TOO_LONG)
def test_text_that_is_too_long(kind: str) -> None:
    """A text alone must fit as one of a record does; the message says how long it is, and not what it is."""
    with pytest.raises(BadArgumentError, match="65535 bytes"):
        TOO_LONG[kind]()


def test_text_that_is_no_utf8() -> None:
    """Half a surrogate pair isn't UTF-8, and is BadArgumentError that names the cause."""
    with pytest.raises(BadArgumentError, match="surrogate"):
        encoding.encode_text("\ud800")


def test_longest_texts() -> None:
    """The longest text that fits is written, behind a mark too."""
    assert encoding.encode_text("x" * 65_534) == encoding.encode_bytes(b"x" * 65_534) == b"x" * 65_534
    assert encoding.encode_optional("x" * 65_533) == b"=" + b"x" * 65_533


@given(integers, integers)
def test_sortable_integers(one: int, other: int) -> None:
    """11: bytes sort as the integers do."""
    assert (encoding.encode_sortable(one) < encoding.encode_sortable(other)) == (one < other)


def test_sortable_beyond() -> None:
    """A bound beyond 53 bits stands before the first integer or behind the last."""
    bounds = [-(2**70), -LARGEST, -1, 0, LARGEST, 2**70]
    raw = [encoding.encode_sortable(each) for each in bounds]
    assert raw == sorted(set(raw))


def test_lists_are_apart() -> None:
    """No list's name begins another's: what a name ends with isn't taken for an instant."""
    names = [encoding.name_list(b"u", name) for name in (b"", b"a", b"ab", b"\0", b"\0\1a")]
    assert not [(one, other) for one in names for other in names if one != other and other.startswith(one)]


def test_tags_are_apart() -> None:
    """1: audiences have tags of their own, also where they hold braces, and a tag is nothing but hex in braces."""
    tags = {encoding.derive_tag(audience) for audience in ("", "a", "A", "a ", "{a}", "a}", "á")}
    assert len(tags) == 7
    assert {(len(tag), tag[:1], tag[-1:], tag[1:-1].isalnum()) for tag in tags} == {(34, b"{", b"}", True)}
