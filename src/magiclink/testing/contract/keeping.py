"""Rules 14 and 15: what a store notes of a link that nothing happened to, and what it forgets."""

from ...instants import SECOND
from ...records import Note, Record
from ...stores.base import HOUR, NOTES_A_LINK
from .bench import AUDIENCE, DAY, NOW, Bench


class Keeping(Bench):
    """What stays, and what goes."""

    def notes(self, *known: Record) -> list[Note]:
        """Read the notes of some links."""
        return list(self.store.notes(AUDIENCE, [link.link_id for link in known]))

    def purge(self, *, before: int, limit: int = 99) -> int:
        """Forget."""
        return self.store.purge(AUDIENCE, before=before, limit=limit)

    def test_notes(self) -> None:
        """14: the notes of the links that are named come back, each once, oldest first."""
        one, two, other = self.put(), self.put(), self.put()
        late, middle, early = self.note(one, at=NOW + 2 * HOUR), self.note(two, at=NOW + HOUR), self.note(one)
        self.note(other)
        assert self.notes(one, two, one) == [early, middle, late]
        assert self.notes() == []

    def test_notes_of_one_hour(self) -> None:
        """14: of one link and kind the first note of an hour stays; another hour, kind or link has its own."""
        one, two = self.put(), self.put()
        kept = [self.note(one, at=NOW + 1, reason="expired")]
        self.note(one, at=NOW + HOUR - 1, reason="used")
        kept += [self.note(one, at=NOW + 2, kind="refused"), self.note(two, at=NOW + 3), self.note(one, at=NOW + HOUR)]
        assert self.notes(one, two) == kept

    def test_notes_of_a_link_that_is_tried_all_day(self) -> None:
        """14: a link keeps its first 100 notes; more are dropped without a word."""
        one, two = self.put(), self.put()
        kept = [self.note(one, at=NOW + hour * HOUR) for hour in range(NOTES_A_LINK + 5)][:NOTES_A_LINK]
        assert self.notes(one) == kept
        assert self.notes(two) == [] != [self.note(two)]
        assert len(self.notes(one, two)) == NOTES_A_LINK + 1

    def test_purge(self) -> None:
        """15: what expired before the instant is forgotten and counted, not what expired at it."""
        past, edge = self.put(expires_at=NOW), self.put(expires_at=NOW + SECOND)
        assert self.purge(before=NOW + SECOND) == 1
        assert self.store.get(AUDIENCE, past.link_id) is None
        assert self.read(edge) == edge
        assert self.purge(before=NOW + SECOND + 1) == 1
        assert self.purge(before=NOW + 99 * DAY) == 0

    def test_purge_in_steps(self) -> None:
        """15: at most `limit` go at once, the earliest first, whenever they were issued."""
        links = [self.put(expires_at=NOW + each * SECOND, issued_at=NOW - each) for each in (3, 1, 2, 0)]
        assert self.purge(before=NOW + DAY, limit=2) == 2
        left = [self.store.get(AUDIENCE, link.link_id) is not None for link in links]
        assert left == [True, False, True, False]
        assert self.purge(before=NOW + DAY, limit=9) == 2

    def test_purge_with_notes(self) -> None:
        """15: notes go with their link; others stay."""
        past, living = self.put(expires_at=NOW), self.put()
        self.note(past)
        kept = self.note(living)
        self.purge(before=NOW + 1)
        assert self.notes(past, living) == [kept]

    def test_purge_with_names(self) -> None:
        """15: what was forgotten is found, used and numbered by nobody."""
        past = self.put(expires_at=NOW)
        self.purge(before=NOW + 1)
        assert self.find(subject=past.subject) == []
        assert self.store.newest(AUDIENCE, past.subject, [past.series]) == (None, 0)
        assert self.consume(past, now=NOW - SECOND) is None
        assert self.add(past._replace(number=None, generation=None))

    def test_purge_with_the_last_record(self) -> None:
        """15: a subject is forgotten with its last link, and not before."""
        past, living = self.put(expires_at=NOW), self.put()
        self.revoke_subject(past)
        self.purge(before=NOW + 1)
        assert self.generation(living) == 1
        assert self.consume(living) is None
        self.purge(before=living.expires_at + 1)
        assert self.generation(living) == 0
