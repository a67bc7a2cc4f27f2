"""What is packed comes back, sorts as it should, or is refused."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink.errors import BadArgumentError
from magiclink.records import Record
from magiclink.stores.redis import encoding as packing
from magiclink.testing.contract import record

integers = st.integers(-packing.LARGEST, packing.LARGEST)
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
    assert packing.unpacked(packing.packed(written)) == written


@pytest.mark.parametrize(
    "changes",
    [
        {"issued_at": 2**63},
        {"subject": "\ud800"},
        {"resource": "\ud800"},
        {"resource": "x" * 65_534},
        {"revoke_reason": "x" * 65_535},
        {"series": b"x" * 65_535},
    ],
)
def test_field_that_does_not_fit(changes: dict[str, Any]) -> None:
    """An integer past 63 bits, text that isn't UTF-8 and a text too long for its length are BadArgumentError."""
    with pytest.raises(BadArgumentError):
        packing.packed(record()._replace(**changes))


def test_largest_texts() -> None:
    """The longest text that fits comes back."""
    written = record(resource="x" * 65_533, subject="x" * 65_534)
    assert packing.unpacked(packing.packed(written)) == written


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_integer_that_does_not_fit(value: int) -> None:
    """An integer past 63 bits is BadArgumentError, alone too."""
    with pytest.raises(BadArgumentError):
        packing.integer(value)


def test_text_that_does_not_fit() -> None:
    """A text alone must fit as one of a record does."""
    assert packing.encoded("x" * 65_534) == b"x" * 65_534
    assert packing.optional("x" * 65_533) == b"=" + b"x" * 65_533
    for write, value in (
        (packing.encoded, "x" * 65_535),
        (packing.encoded, "\ud800"),
        (packing.optional, "x" * 65_534),
    ):
        with pytest.raises(BadArgumentError):
            write(value)


def test_integers_stand_in_a_row() -> None:
    """Some integers are one text, 8 bytes each, and None is one of them."""
    assert packing.integers([1, None]) == packing.integer(1) + packing.integer(None)
    assert packing.read_integer(packing.integer(None)) == packing.NONE


@given(integers)
def test_integer_comes_back(value: int) -> None:
    """An integer comes back."""
    assert packing.read_integer(packing.integer(value)) == value


@given(integers, integers)
def test_places_sort_as_integers(one: int, other: int) -> None:
    """11: bytes sort as the integers do of which they are places."""
    assert (packing.place(one) < packing.place(other)) == (one < other)


def test_clipped_sums() -> None:
    """A sum that passes 63 bits stops before the first instant or at the last; any other stays."""
    sums = [-(2**70), -1, 2**62, 2**70]
    assert [packing.clipped(each) for each in sums] == [-packing.LARGEST - 1, -1, 2**62, packing.LARGEST]


def test_lists_are_apart() -> None:
    """No list's name begins another's: what a name ends with isn't taken for a place."""
    names = [packing.listed(b"u", name) for name in (b"", b"a", b"ab", b"\0", b"\0\1a")]
    assert not [(one, other) for one in names for other in names if one != other and other.startswith(one)]


def test_tags_are_apart() -> None:
    """1: audiences have tags of their own, also where they hold braces, and a tag is nothing but hex in braces."""
    tags = {packing.tag(audience) for audience in ("", "a", "A", "a ", "{a}", "a}", "á")}
    assert len(tags) == 7
    assert {(len(tag), tag[:1], tag[-1:], tag[1:-1].isalnum()) for tag in tags} == {(34, b"{", b"}", True)}
