"""What stores bind alike: sums that pass no integer of a database, and values that say what the model says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from magiclink.errors import BadArgumentError, ConfigurationError
from magiclink.instants import SECOND
from magiclink.records import CLOCK_SKEW, Note, Record, Selector
from magiclink.stores.base import HOUR, LARGEST, NOTES_A_LINK
from magiclink.stores.bindings import (
    NotWrittenError,
    bind_hit,
    bind_note,
    bind_terms,
    choose_lookup,
    derive_end,
    number_records,
    read_first,
    read_notes,
    require_fields,
    require_timeout,
    write_fields,
)
from magiclink.testing.contract import record, terms

KEPT = st.integers(-LARGEST, LARGEST)


@example(0, -LARGEST, 2**70, None, 0)
@example(0, 0, 1, -LARGEST, 2**70)
@example(LARGEST, LARGEST, 1, None, 0)
@given(KEPT, KEPT, st.integers(0, 2**70), st.none() | KEPT, st.integers(0, 2**70))
def test_terms_as_conditions(now: int, issued_at: int, lifetime: int, last_used_at: int | None, reclick: int) -> None:
    """Conditions on the bound values come out as `Terms.met_by` does, however large a sum is."""
    link = record()._replace(issued_at=issued_at, expires_at=2**62, last_used_at=last_used_at, attempt=b"one")
    asked = terms(now=now, lifetime=lifetime, reclick=reclick, attempt=b"one")
    bound = bind_terms(link.link_id, asked)
    after, until, reclick_after = (int(str(bound[name])) for name in ("issued_after", "issued_until", "reclick_after"))
    is_reclick = last_used_at is not None and last_used_at > reclick_after
    assert [int(float(value)) for value in (after, until, reclick_after)] == [after, until, reclick_after]
    assert (after < issued_at <= until and not is_reclick and now < 2**62) == asked.met_by(link)


def test_other_terms() -> None:
    """What is no sum is bound as it is."""
    asked = terms(now=7, max_uses=3, stamp=b"stamp", attempt=b"attempt")
    bound = bind_terms(b"link id", asked)
    same = {name: getattr(asked, name) for name in ("audience", "purpose", "now", "max_uses", "stamp", "attempt")}
    assert bound.items() >= {**same, "link_id": b"link id"}.items()


def test_hit() -> None:
    """A window ends at the next multiple of its length; what ended before all clocks of 30 s ago is over."""
    bound = {"limit_key": b"key", "limit": 5, "span": 60 * SECOND, "ended": 61 * SECOND - CLOCK_SKEW}
    expected = {**bound, "ends_at": 120 * SECOND}
    assert bind_hit(b"key", now=61 * SECOND, limit=5, window=60 * SECOND) == expected
    assert bind_hit(b"key", now=120 * SECOND, limit=5, window=60 * SECOND)["ends_at"] == 180 * SECOND


def test_note() -> None:
    """A note is bound with the hour in which it was made, also before 1970."""
    note = Note(audience="https://a.example", link_id=b"link id", kind="verified", at=-1, reason="used")
    bound = bind_note(note)
    assert (bound.pop("hour"), bound.pop("most")) == (-1, NOTES_A_LINK)
    assert Note(**bound) == note  # type: ignore[arg-type]
    assert bind_note(Note(audience="", link_id=b"", kind="", at=HOUR))["hour"] == 1


@given(st.integers(0, 2**32 - 1), st.integers(-2, 2))
def test_end_of_a_purge(seconds: int, near: int) -> None:
    """A link id comes before the end exactly where its expiry, in whole seconds, lies before the instant."""
    link_id = seconds.to_bytes(4, "big") + b"\xff" * 15 + b"\xfe"
    for before in (seconds * SECOND + near, (seconds + near) * SECOND):
        assert (link_id < derive_end(before)) == (seconds * SECOND < before)


def test_end_beyond_all_links() -> None:
    """Before 1970 nothing has expired, and after the last second that a link id can say, everything."""
    assert (derive_end(-(2**70)), derive_end(2**70)) == (bytes(4), b"\xff" * 20)


def test_first_row() -> None:
    """A row is read as a record, and no row as None."""
    link = record()
    assert (read_first([tuple(link)]), read_first([])) == (link, None)


def test_notes_in_order() -> None:
    """Notes come oldest first; those of one instant stay in the order of their rows."""
    rows = [(b"b", "refused", 2, "used"), (b"a", "verified", 1, ""), (b"c", "verified", 2, "")]
    notes = read_notes("https://a.example", rows)
    assert [(note.link_id, note.kind, note.at, note.reason) for note in notes] == [rows[1], rows[0], rows[2]]
    assert {note.audience for note in notes} == {"https://a.example"}


def test_lookup_of_a_selector() -> None:
    """An address names fewest links, then a resource, then a subject; a purpose alone is looked up by nothing."""
    every = {"subject": "customer-7", "resource": "invoice:1001", "recipients": (b"one", b"two")}
    assert choose_lookup(Selector(audience="", **every)) == ("recipient", (b"one", b"two"))  # type: ignore[arg-type]
    assert choose_lookup(Selector(audience="", subject="s", resource="")) == ("resource", [""])
    assert choose_lookup(Selector(audience="", subject="")) == ("subject", [""])
    assert choose_lookup(Selector(audience="", purpose="invoice", issued_before=1)) is None


def test_empty_selector() -> None:
    """A selector that would mean every link is refused, with what to do."""
    with pytest.raises(BadArgumentError, match="every link of the audience: give it a field"):
        require_fields(Selector(audience="https://a.example"))
    require_fields(Selector(audience="https://a.example", purpose=""))


@pytest.mark.parametrize("timeout", [5, timedelta(microseconds=-1), timedelta(hours=1, microseconds=1)])
def test_timeout_that_is_refused(timeout: object) -> None:
    """A timeout is a timedelta from nothing to an hour; the message says what was given."""
    require_timeout(timedelta(0))
    require_timeout(timedelta(hours=1))
    with pytest.raises(ConfigurationError, match="from 0 to 1 hour, got") as raised:
        require_timeout(timeout)
    assert repr(timeout) in str(raised.value)


def test_fields_that_are_read() -> None:
    """A SELECT reads each column as it is, save those that a revocation of the subject fills in."""
    fields = write_fields(["uses", "revoked_at", "revoke_reason"]).split(", ")
    assert fields[0] == "links.uses"
    assert ["subjects.revoked_at" in fields[1], "subjects.reason" in fields[2]] == [True, True]


@pytest.mark.parametrize(("number", "generation"), [(6, 2), (None, None)])
def test_number_of_a_reissue_and_of_the_next(number: int | None, generation: int | None) -> None:
    """A reissue follows its series, a new link its subject; the next of the series follows either."""
    links = [record()._replace(number=number, generation=generation), record(), record()]
    numbered = number_records(links, {(links[0].audience, links[0].subject): (5, 2)}, {_name(links[0]): 5})
    assert [(link.number, link.generation) for link in numbered] == [(6, 2), (7, 2), (8, 2)]


@pytest.mark.parametrize(("number", "generation"), [(5, 0), (7, 0), (6, 1)])
def test_late_reissue(number: int, generation: int) -> None:
    """A reissue that doesn't follow the newest of its series, or is of another generation, writes nothing."""
    link = record()._replace(number=number, generation=generation)
    with pytest.raises(NotWrittenError, match="came first"):
        number_records([link], {(link.audience, link.subject): (9, 0)}, {_name(link): 5})


def _name(link: Record) -> tuple[str, bytes]:
    return link.audience, link.series
