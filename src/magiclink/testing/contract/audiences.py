"""Rule 1: two audiences in one store never meet, even with the same link ids, subjects and series in both."""

from typing import Any

from ...records import Record, Selector
from .bench import AUDIENCE, DAY, ELSEWHERE, NOW, Bench, record, terms


class Audiences(Bench):
    """Each test does something here and looks elsewhere, at a link that is the same but for its audience."""

    def put_twins(self, **changes: Any) -> tuple[Record, Record]:
        """Write the same link here and elsewhere."""
        here = self.put(**changes)
        assert self.add(here._replace(audience=ELSEWHERE))
        return here, here._replace(audience=ELSEWHERE)

    def test_same_link_id_in_two_audiences(self) -> None:
        """1: two audiences may have the same link id; each sees its own link."""
        here = self.put(destination="/here")
        there = here._replace(audience=ELSEWHERE, destination="/there")
        assert self.add(there)
        assert (self.read(here), self.read(there)) == (here, there)

    def test_get_elsewhere(self) -> None:
        """1: `get` gives no link of another audience."""
        assert self.store.get(ELSEWHERE, self.put().link_id) is None

    def test_newest_elsewhere(self) -> None:
        """1: `newest` gives no link and no generation of another audience."""
        here = self.put()
        self.revoke_subject(here)
        assert self.store.newest(ELSEWHERE, here.subject, [here.series]) == (None, 0)

    def test_numbers_elsewhere(self) -> None:
        """1: a series of the same name in another audience takes no number here."""
        here = self.put()
        assert self.add(record(audience=ELSEWHERE, series=here.series, origin="remind", number=1, generation=0))
        self.put_reissue(here)

    def test_superseding_elsewhere(self) -> None:
        """1: a link supersedes none of a series of the same name in another audience."""
        here, there = self.put_twins()
        self.put_reissue(here, supersede="on-issue")
        assert self.read(there) == there

    def test_parent_elsewhere(self) -> None:
        """1: a renewed link supersedes no link of another audience that has its parent's id."""
        here, there = self.put_twins()
        self.put_reissue(here, origin="renew", supersede="on-issue")
        assert self.read(there) == there

    def test_renaming_elsewhere(self) -> None:
        """1: renaming reaches no name of another audience."""
        here, there = self.put_twins()
        renamed = {here.series: b"s" * 16, here.recipient or b"": b"\x02" + b"n" * 16}
        assert self.add(record(subject="customer-8"), renamed=renamed)
        assert self.read(there) == there

    def test_consume_elsewhere(self) -> None:
        """1: `consume` under another audience's terms uses nothing."""
        here = self.put()
        assert self.store.consume(here.link_id, terms(audience=ELSEWHERE)) is None
        assert self.read(here) == here

    def test_consume_of_a_twin(self) -> None:
        """1: a use of a link is none of the same link id in another audience."""
        here, there = self.put_twins()
        assert self.consume(here) is not None
        assert self.read(there) == there

    def test_ending_others_elsewhere(self) -> None:
        """1: a use that ends others ends none of another audience."""
        here, there = self.put_twins()
        assert self.add(record(audience=ELSEWHERE))
        assert self.consume(here, ends_others=True) is not None
        found = self.store.find(Selector(audience=ELSEWHERE, subject=there.subject), limit=9)
        assert [each.superseded_at for each in found] == [None, None]

    def test_delivery_elsewhere(self) -> None:
        """1: a delivery is none of the same link id in another audience."""
        here, there = self.put_twins()
        self.deliver(here)
        assert self.read(there) == there

    def test_find_elsewhere(self) -> None:
        """1: `find` gives no link of another audience, and continues behind none of it."""
        here = self.put(issued_at=NOW - 1)
        there = record(audience=ELSEWHERE)
        assert self.add(there)
        assert self.find(subject=here.subject) == [here]
        assert self.find(subject=here.subject, after=there) == []

    def test_revoke_elsewhere(self) -> None:
        """1: `revoke` reaches no link of another audience."""
        here, there = self.put_twins()
        alone = self.put()
        assert self.revoke(here) is not None
        assert self.store.revoke(ELSEWHERE, alone.link_id, now=NOW, reason="") is None
        assert (self.read(alone), self.read(there)) == (alone, there)

    def test_revoke_matching_elsewhere(self) -> None:
        """1: `revoke_matching` reaches no link of another audience."""
        here, there = self.put_twins()
        self.store.revoke_matching(Selector(audience=AUDIENCE, purpose=here.purpose), now=NOW, reason="")
        assert self.read(there) == there

    def test_revoke_subject_elsewhere(self) -> None:
        """1: `revoke_subject` reaches no subject of the same name in another audience."""
        here, there = self.put_twins()
        self.revoke_subject(here)
        assert (self.read(there), self.generation(there)) == (there, 0)

    def test_attempts_elsewhere(self) -> None:
        """1: a try at a link's code counts in its own audience only."""
        here, there = self.put_twins()
        alone = self.put()
        assert self.store.count_attempt(AUDIENCE, here.link_id, now=NOW, limit=5) is not None
        assert self.store.count_attempt(ELSEWHERE, alone.link_id, now=NOW, limit=5) is None
        assert self.read(there) == there

    def test_notes_elsewhere(self) -> None:
        """1: notes are read, and drop each other, in their own audience only."""
        here, there = self.put_twins()
        self.note(here)
        assert list(self.store.notes(ELSEWHERE, [here.link_id])) == []
        twin = self.note(there)
        assert list(self.store.notes(ELSEWHERE, [here.link_id])) == [twin]

    def test_purge_elsewhere(self) -> None:
        """1: `purge` forgets nothing of another audience: no link, no note, no generation."""
        here, there = self.put_twins()
        self.revoke_subject(there)
        note = self.note(there)
        assert self.store.purge(AUDIENCE, before=here.expires_at + DAY, limit=9) == 1
        assert self.read(there).revoked_at == NOW
        assert self.generation(there) == 1
        assert list(self.store.notes(ELSEWHERE, [there.link_id])) == [note]
