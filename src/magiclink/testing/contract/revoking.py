"""Rules 9 and 10: withdrawing one link, those that match, and everything that a subject has."""

from typing import Any

from ...errors import BadArgumentError
from ...instants import SECOND
from ...records import Selector
from .bench import AUDIENCE, DAY, LATER, NOW, Bench, raises, record


class Revoking(Bench):
    """Withdrawing."""

    def revoke_matching(self, *, now: int = LATER, **fields: Any) -> None:
        """Withdraw what has these fields."""
        self.store.revoke_matching(Selector(audience=AUDIENCE, **fields), now=now, reason="lost")

    def test_revoke(self) -> None:
        """9: `revoke` writes its instant and reason, nothing else, and gives the link after it."""
        link = self.put()
        assert self.revoke(link, now=LATER, reason="lost") == link._replace(revoked_at=LATER, revoke_reason="lost")
        assert self.read(link) == link._replace(revoked_at=LATER, revoke_reason="lost")

    def test_revoke_in_every_state(self) -> None:
        """9: `revoke` and `revoke_matching` reach used, expired and superseded links."""
        for subject in ("customer-7", "customer-8"):
            used, past = self.put(subject=subject, max_uses=1), self.put(subject=subject, expires_at=NOW)
            old = self.put(subject=subject, resource="invoice:1002")
            assert self.consume(used) is not None
            self.put_reissue(old, supersede="on-issue")
            if subject == "customer-7":
                assert all(self.revoke(link) for link in (used, past, old))
            else:
                self.revoke_matching(subject=subject, now=NOW)
            assert [self.read(link).revoked_at for link in (used, past, old)] == [NOW] * 3

    def test_revoke_twice(self) -> None:
        """9: E22: of two revocations the first instant and reason stay, and both give the link."""
        link = self.put()
        first = self.revoke(link, now=NOW, reason="lost")
        assert self.revoke(link, now=LATER, reason="stolen") == first
        self.revoke_matching(subject=link.subject)
        assert self.read(link) == first

    def test_revoke_unknown(self) -> None:
        """9: `revoke` of a link that isn't there gives None."""
        assert self.revoke(record()) is None

    def test_revoke_matching_by_each_field(self) -> None:
        """9: each field of a selector means the links that have it, and no others."""
        link = self.put()
        others: dict[str, Any] = {"purpose": "sign-in", "subject": "customer-8", "resource": "invoice:1002"}
        for name, other in others.items():
            spared, meant = self.put(), self.put(**{name: other})
            self.revoke_matching(**{name: other})
            assert self.read(meant) == meant._replace(revoked_at=LATER, revoke_reason="lost")
            assert (self.read(link), self.read(spared)) == (link, spared)

    def test_revoke_matching_by_all_fields(self) -> None:
        """9: a link is meant where all fields match."""
        links = [self.put(subject=subject, purpose=purpose) for subject in "ab" for purpose in ("invoice", "sign-in")]
        self.revoke_matching(subject="b", purpose="invoice")
        assert [self.read(each).revoked_at for each in links] == [None, None, LATER, None]

    def test_revoke_matching_by_recipients(self) -> None:
        """9: of several digests of one address any is meant; of none, none."""
        names = [bytes([number]) + b"r" * 16 for number in (1, 2, 3)]
        links = [self.put(recipient=name) for name in [*names, None]]
        self.revoke_matching(recipients=())
        assert [self.read(each).revoked_at for each in links] == [None] * 4
        self.revoke_matching(recipients=(names[0], names[2]))
        assert [self.read(each).revoked_at for each in links] == [LATER, None, LATER, None]

    def test_revoke_matching_by_instant(self) -> None:
        """9: E14: `issued_before` means those issued before the instant, not at it."""
        links = [self.put(issued_at=NOW + late) for late in (-1, 0, 1)]
        self.revoke_matching(issued_before=NOW)
        assert [self.read(each).revoked_at for each in links] == [LATER, None, None]

    def test_revoke_matching_everything(self) -> None:
        """9: an empty selector is refused with BadArgumentError, and revokes nothing."""
        link = self.put()
        assert raises(BadArgumentError, self.revoke_matching)
        assert self.read(link) == link

    def test_revoke_subject(self) -> None:
        """10: every call reads a subject's links as revoked, with the revocation's instant and reason."""
        link = self.put()
        dead = link._replace(revoked_at=LATER, revoke_reason="left")
        self.revoke_subject(link, now=LATER, reason="left")
        assert self.read(link) == dead
        assert self.find(subject=link.subject) == [dead]
        assert self.store.newest(AUDIENCE, link.subject, [link.series]) == (dead, 1)
        assert self.revoke(link, now=LATER + 1, reason="lost") == dead

    def test_use_after_revoke_subject(self) -> None:
        """10: M14: no link that a subject had can be used or tried, whatever the clock says."""
        link = self.put()
        self.revoke_subject(link, now=LATER)
        for now in (NOW, LATER + SECOND):
            assert self.consume(link, now=now) is None
            assert self.store.count_attempt(AUDIENCE, link.link_id, now=now, limit=5) is None
        assert (self.read(link).uses, self.read(link).attempts) == (0, 0)

    def test_revoke_subject_in_every_state(self) -> None:
        """10: used and expired links are read as revoked too: what they opened closes."""
        used, past = self.put(max_uses=1), self.put(expires_at=NOW - DAY)
        self.consume(used)
        self.revoke_subject(used)
        assert [self.read(each).revoked_at for each in (used, past)] == [NOW, NOW]
        assert self.read(used).uses == 1

    def test_revoked_before_revoke_subject(self) -> None:
        """10: a link that was revoked by itself before keeps its own instant and reason."""
        link = self.put()
        first = self.revoke(link, now=NOW, reason="lost")
        self.revoke_subject(link, now=LATER, reason="left")
        assert self.read(link) == first

    def test_revoked_after_revoke_subject(self) -> None:
        """10: a link of an older generation is revoked already: no later revocation changes its instant and reason."""
        link = self.put()
        self.revoke_subject(link, now=NOW, reason="left")
        self.revoke(link, now=LATER, reason="lost")
        self.revoke_matching(subject=link.subject)
        assert self.read(link) == link._replace(revoked_at=NOW, revoke_reason="left")

    def test_another_subject(self) -> None:
        """10: `revoke_subject` leaves other subjects' links alone, in the same series too."""
        link = self.put()
        other = self.put(subject="customer-8", series=link.series)
        self.revoke_subject(link)
        assert (self.read(other), self.generation(other)) == (other, 0)

    def test_frozen_instant(self) -> None:
        """10: in one frozen instant, what was issued before the call is dead and what is issued after works."""
        first = self.put()
        self.revoke_subject(first)
        second = self.put()
        assert self.consume(first) is None
        assert self.consume(second) is not None
        assert self.consume(self.put_reissue(second)) is not None

    def test_clock_ahead(self) -> None:
        """10: order is the store's: what a fast clock issued before the call is dead, a slow one's after it works."""
        ahead = self.put(issued_at=NOW + 20 * SECOND)
        self.revoke_subject(ahead)
        behind = self.put(issued_at=NOW - 20 * SECOND)
        assert self.consume(ahead, now=NOW + 20 * SECOND) is None
        assert self.consume(behind) is not None

    def test_revoke_subject_twice(self) -> None:
        """10: each call raises the generation, ends what was issued between, and revives nothing."""
        first = self.put()
        self.revoke_subject(first, now=NOW, reason="left")
        second = self.put()
        self.revoke_subject(first, now=LATER, reason="gone")
        assert self.generation(first) == 2
        assert self.read(second) == second._replace(revoked_at=LATER, revoke_reason="gone")
        assert self.read(first).revoked_at is not None
        assert self.consume(first) is None

    def test_reissue_from_before(self) -> None:
        """10: a reissue from a parent that was read before the call isn't written; read again, it is, and works."""
        parent = self.put()
        late = self.make_reissue(parent)
        self.revoke_subject(parent)
        assert not self.add(late)
        again, generation = self.store.newest(AUDIENCE, parent.subject, [parent.series])
        assert again is not None
        assert self.consume(self.put_reissue(again, generation=generation)) is not None

    def test_revoke_unknown_subject(self) -> None:
        """10: a subject without links may be revoked; its first link works."""
        self.store.revoke_subject(AUDIENCE, "customer-7", now=NOW, reason="")
        assert self.consume(self.put()) is not None
