"""Rules 16 and 17: bytes come back as they went in, and a store that is closed answers nothing."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_type_hints

from ...errors import BadArgumentError, StoreError
from ...instants import SECOND
from ...records import Note, Record, Selector
from ...stores.base import HOUR, LARGEST, Store
from .bench import AUDIENCE, NOW, Bench, raises, record, terms

TEXTS = ("Ä", "A\u0308", "ä", "a", "A", "a ", " a", "a\t", "'a'", '"a"', "a%", "a_", "\\a", "", "ß", "ss", "ﬀ", "😀")
"""Texts that careless comparing takes for one another: case, accents in two spellings, spaces, wildcards, quotes."""

_OUTSIDE = ("number", "generation", "delivered_at", "superseded_at", "revoked_at", "revoke_reason")

TEXT_COLUMNS = (
    *("purpose", "subject", "resource", "destination", "opens", "language", "metadata", "issued_by", "passphrase"),
    *("bounce", "revoked_by"),
)

_HINTS = get_type_hints(Record)

COLUMNS: dict[str, Any] = {
    name: next(value for value in (index, name, name.encode()) if isinstance(value, _HINTS[name]))
    for index, (name, default) in enumerate(record()._asdict().items())
    if default in {None, 0, ""} and name not in _OUTSIDE
} | {"max_uses": LARGEST}
"""Every column that `record()` leaves at its default, with a value of its own; the link is still outstanding."""


class Fidelity(Bench):
    """What goes in comes back, or not at all."""

    def comes_back(self, written: Record) -> bool:
        """Write a link, and return whether it is read as it was, but for what the store assigns."""
        added, found = self.add(written), self.read(written)
        return added and found == written._replace(number=found.number, generation=found.generation)

    def test_texts(self) -> None:
        """16: B09: text comes back as it went in, in every field that holds some."""
        for text in TEXTS:
            written = record(**dict.fromkeys(TEXT_COLUMNS, text))
            assert self.comes_back(written)
            revoked = self.revoke(written, reason=text)
            assert revoked is not None
            assert revoked.revoke_reason == text
            note = self.note(written, kind=text, reason=text)
            assert list(self.store.notes(AUDIENCE, [written.link_id])) == [note]

    def test_texts_that_look_alike(self) -> None:
        """16: B09: text is compared byte for byte: no folding, trimming or normalising, no wildcards."""
        for name in ("subject", "resource", "purpose"):
            links = {text: self.put(**{name: text}) for text in TEXTS}
            for text, link in links.items():
                fields: dict[str, Any] = {name: text}
                assert self.find(**fields) == [link]

    def test_subjects_that_look_alike(self) -> None:
        """16: a subject is revoked byte for byte."""
        links = [self.put(subject=text) for text in TEXTS]
        self.revoke_subject(links[0])
        assert [self.generation(link) for link in links] == [1] + [0] * (len(TEXTS) - 1)

    def test_audiences_that_look_alike(self) -> None:
        """16: an audience is compared byte for byte."""
        one = record(audience="https://a.example")
        assert self.add(one)
        for other in ("https://A.example", "https://a.example ", "https://á.example"):
            assert self.store.get(other, one.link_id) is None

    def test_purposes_that_look_alike(self) -> None:
        """16: B07: a use compares the purpose byte for byte."""
        link = self.put(purpose="sign-in")
        for other in ("Sign-In", "sign-in ", "sígn-in"):
            assert self.store.consume(link.link_id, terms(purpose=other)) is None

    def test_bytes(self) -> None:
        """16: bytes come back as they went in, zeros and all."""
        odd, zeros = bytes(range(17)), b"\x00" * 17
        written = record(recipient=odd, stamp=zeros, browser=b"\xff" * 17, code=odd[::-1], series=zeros[:16])
        assert self.comes_back(written)
        used = self.store.consume(written.link_id, terms(stamp=zeros, attempt=odd[::-1][:16]))
        assert used is not None
        assert used.attempt == odd[::-1][:16]

    def test_integers(self) -> None:
        """16: D16: integers come back to the microsecond, up to 53 bits."""
        integers = [name for name, value in COLUMNS.items() if isinstance(value, int)]
        for value in (LARGEST, LARGEST - 1, -LARGEST, NOW + 123_457, 0):
            written = record(**dict.fromkeys([*integers, "series_started_at", "issued_at", "session_lifetime"], value))
            assert self.comes_back(written._replace(expires_at=(2**32 - 1) * SECOND))

    def test_integers_that_are_larger(self) -> None:
        """16: an integer of more than 53 bits is refused or kept: never rounded, never cut."""
        for value in (LARGEST + 2, 2**63, 2**64 + 1, -(2**63) - 1):
            written = record(session_lifetime=value)
            refused = raises(BadArgumentError, partial(self.add, written))
            assert refused or self.read(written).session_lifetime == value

    def test_columns(self) -> None:
        """16: every column comes back with its own value, and each call changes those alone that it is for."""
        link = record(**COLUMNS)
        assert self.comes_back(link)
        link = self.read(link)
        self.deliver(link)
        tried = self.store.count_attempt(AUDIENCE, link.link_id, now=NOW, limit=99)
        assert tried == link._replace(delivered_at=NOW, attempts=link.attempts + 1)
        used = self.consume(link, stamp=link.stamp, attempt=b"again")
        assert used == tried._replace(uses=link.uses + 1, last_used_at=NOW, attempt=b"again")
        newer = self.make_reissue(link, series=b"n" * 16, supersede="on-issue")
        assert self.add(newer, renamed={link.series: newer.series})
        ended = used._replace(series=newer.series, superseded_at=NOW)
        assert self.read(link) == ended
        assert self.revoke(link, reason="lost") == ended._replace(revoked_at=NOW, revoke_reason="lost")

    def test_nothing_is_not_empty(self) -> None:
        """16: nothing and the empty text, or no bytes, are two values."""
        nothing = self.put(resource=None, destination=None, passphrase=None, code=None)
        empty = self.put(resource="", destination="", passphrase="", code=b"")
        assert [self.read(each)[:6] for each in (nothing, empty)] == [nothing[:6], empty[:6]]
        assert (self.read(empty).passphrase, self.read(empty).code) == ("", b"")
        assert self.find(resource="") == [empty]

    def test_check(self) -> None:
        """17: a store that works passes its own check, and keeps nothing of it."""
        link = self.put()
        self.store.check()
        assert self.read(link) == link
        assert self.generation(link) == 0

    def test_closed(self) -> None:
        """17: every call to a store that was closed is StoreError."""
        store = self.make_store()
        store.close()
        answered = [name for name, call in _list_calls(store).items() if not raises(StoreError, call)]
        assert answered == []


def _list_calls(store: Store) -> dict[str, Callable[[], object]]:
    link = record()
    ids = [link.link_id]
    selector = Selector(audience=AUDIENCE, subject=link.subject)
    note = Note(audience=AUDIENCE, link_id=link.link_id, kind="verified", at=NOW)
    return {
        "add": lambda: store.add([link], now=NOW, renamed={}),
        "newest": lambda: store.newest(AUDIENCE, link.subject, [link.series]),
        "get": lambda: store.get(AUDIENCE, link.link_id),
        "consume": lambda: store.consume(link.link_id, terms()),
        "mark_delivered": lambda: store.mark_delivered(AUDIENCE, ids, now=NOW),
        "find": lambda: store.find(selector, limit=1),
        "revoke": lambda: store.revoke(AUDIENCE, link.link_id, now=NOW, reason=""),
        "revoke_matching": lambda: store.revoke_matching(selector, now=NOW, reason=""),
        "revoke_subject": lambda: store.revoke_subject(AUDIENCE, link.subject, now=NOW, reason=""),
        "hit": lambda: store.hit(b"limit", now=NOW, limit=1, window=HOUR),
        "count_attempt": lambda: store.count_attempt(AUDIENCE, link.link_id, now=NOW, limit=1),
        "note": lambda: store.note(note),
        "notes": lambda: store.notes(AUDIENCE, ids),
        "purge": lambda: store.purge(AUDIENCE, before=NOW, limit=1),
        "check": store.check,
    }
