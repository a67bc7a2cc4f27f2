"""Rules 7 and 8: the one conditional write that uses a link, and that nothing which has happened is undone."""

from typing import Any

from ...instants import SECOND
from ...records import CLOCK_SKEW, Record
from .bench import AUDIENCE, DAY, LATER, NOW, Bench, record, terms

STAMP, ATTEMPT = b"\x01" + b"s" * 16, b"a" * 16


class Consuming(Bench):
    """Each refusal leaves the link as it was; each test of one also shows what is just allowed."""

    def refuses(self, known: Record, **changes: Any) -> bool:
        """Return whether a use is refused, and nothing changed."""
        before = self.read(known)
        return self.consume(known, **changes) is None and self.read(known) == before

    def test_use(self) -> None:
        """7: a use writes its count, its instant and its attempt, nothing else, and gives the link after it."""
        link = self.put()
        used = self.consume(link, now=LATER, attempt=ATTEMPT)
        assert used == link._replace(uses=1, first_used_at=LATER, last_used_at=LATER, attempt=ATTEMPT)
        assert self.read(link) == used

    def test_second_use(self) -> None:
        """7: a later use counts on, keeps the first instant and overwrites the last, and the attempt."""
        link = self.put()
        assert self.consume(link, attempt=ATTEMPT) is not None
        used = self.consume(link, now=LATER)
        assert used == link._replace(uses=2, first_used_at=NOW, last_used_at=LATER, attempt=None)

    def test_unknown_link(self) -> None:
        """7: a link that isn't there can't be used."""
        self.put()
        assert self.store.consume(record().link_id, terms()) is None

    def test_other_purpose(self) -> None:
        """7: B01: a link can't be used for another purpose."""
        assert self.refuses(self.put(purpose="sign-in"))

    def test_used_up(self) -> None:
        """7: a link can be used as often as it says, and no oftener."""
        link = self.put(max_uses=2)
        assert [self.consume(link) is not None for _ in range(3)] == [True, True, False]
        assert self.refuses(link)

    def test_used_up_under_a_tightened_policy(self) -> None:
        """7: a policy that allows fewer uses than the link works at once; one that allows more revives nothing."""
        many, one = self.put(), self.put(max_uses=1)
        assert [self.consume(many, max_uses=2) is not None for _ in range(3)] == [True, True, False]
        assert [self.consume(one, max_uses=2) is not None for _ in range(2)] == [True, False]

    def test_expired(self) -> None:
        """7: D02: a link can be used in the last microsecond before its expiry, not at its instant."""
        link = self.put()
        assert self.refuses(link, now=link.expires_at, lifetime=99 * DAY)
        assert self.consume(link, now=link.expires_at - 1, lifetime=99 * DAY) is not None

    def test_lifetime_of_a_tightened_policy(self) -> None:
        """7: a policy's shorter lifetime works at once, to the microsecond; D19: a longer one revives nothing."""
        link = self.put()
        assert self.refuses(link, now=NOW + DAY, lifetime=DAY)
        assert self.consume(link, now=NOW + DAY - 1, lifetime=DAY) is not None
        assert self.refuses(link, now=NOW + 15 * DAY, lifetime=99 * DAY)

    def test_issued_in_the_future(self) -> None:
        """7: D04, D05: a link that was issued up to 30 seconds ahead of the clock can be used, none further."""
        link = self.put()
        assert self.refuses(link, now=NOW - CLOCK_SKEW - 1)
        assert self.consume(link, now=NOW - CLOCK_SKEW) is not None

    def test_stamp(self) -> None:
        """7: the stamp must be the link's, byte for byte; one that is missing on either side isn't."""
        stamped, plain = self.put(stamp=STAMP), self.put()
        assert self.refuses(stamped)
        assert self.refuses(stamped, stamp=STAMP[:-1] + b"S")
        assert self.refuses(stamped, stamp=STAMP[:-1])
        assert self.refuses(plain, stamp=STAMP)
        assert self.consume(stamped, stamp=STAMP) is not None

    def test_superseded(self) -> None:
        """7: a superseded link can't be used."""
        old = self.put()
        self.put(supersede="on-issue")
        assert self.refuses(old)

    def test_revoked(self) -> None:
        """7: a revoked link can't be used."""
        link = self.put()
        self.revoke(link)
        assert self.refuses(link)

    def test_second_click(self) -> None:
        """7: F15: the last use's own attempt again, within `reclick`, is no second use; at its end it is one."""
        link = self.put()
        assert self.consume(link, attempt=ATTEMPT, reclick=30) is not None
        assert self.refuses(link, now=NOW, attempt=ATTEMPT, reclick=30)
        assert self.refuses(link, now=NOW + 29, attempt=ATTEMPT, reclick=30)
        assert self.consume(link, now=NOW + 30, attempt=ATTEMPT, reclick=30) is not None

    def test_click_of_another(self) -> None:
        """7: another attempt within `reclick`, or none, is a use."""
        link = self.put()
        for attempt in (ATTEMPT, b"b" * 16, None, None):
            assert self.consume(link, attempt=attempt, reclick=30) is not None
        assert self.read(link).uses == 4

    def test_ending_others(self) -> None:
        """7: a use that ends others supersedes the outstanding links of its purpose, subject and recipient."""
        link, same, another = self.put(max_uses=1), self.put(), self.put(resource="invoice:1002", max_uses=1)
        used = self.consume(link, now=LATER, ends_others=True)
        assert used is not None
        assert used.superseded_at is None
        assert self.list_superseded([link, same, another]) == [None, LATER, LATER]

    def test_ending_others_without_recipient(self) -> None:
        """7: no recipient is a recipient too: it ends those without one, and none that has one."""
        link, same, named = self.put(recipient=None), self.put(recipient=None), self.put()
        assert self.consume(link, now=LATER, ends_others=True) is not None
        assert self.list_superseded([same, named]) == [LATER, None]

    def test_ending_others_of_others(self) -> None:
        """7: a use ends no link of another purpose, subject or recipient."""
        others = {"purpose": "sign-in", "subject": "customer-8", "recipient": b"\x01" + b"x" * 16}
        spared = [self.put(**{name: other}) for name, other in others.items()]
        assert self.consume(self.put(), ends_others=True) is not None
        assert self.list_superseded(spared) == [None] * len(spared)

    def test_ending_others_that_have_ended(self) -> None:
        """7: a use leaves those that were used, have expired or were superseded or revoked as they were."""
        used, past, old, revoked = (self.put(max_uses=1, resource=f"invoice:{each}") for each in range(4))
        past = self.put(expires_at=NOW, resource="invoice:5")
        self.put_reissue(old, supersede="on-issue", max_uses=1)
        self.revoke(revoked)
        assert self.consume(used) is not None
        before = [self.read(each) for each in (used, past, old, revoked)]
        assert self.consume(self.put(), ends_others=True, now=NOW + 1) is not None
        assert [self.read(each) for each in (used, past, old, revoked)] == before

    def test_ending_others_of_an_older_generation(self) -> None:
        """7: a use leaves the links of an older generation revoked, not superseded."""
        old = self.put()
        self.revoke_subject(old)
        assert self.consume(self.put(), ends_others=True) is not None
        assert self.read(old).superseded_at is None

    def test_refused_use_ends_nothing(self) -> None:
        """7: a use that is refused ends no others, and one whose terms don't say so ends none."""
        link, other = self.put(), self.put()
        assert self.consume(link, stamp=STAMP, ends_others=True) is None
        assert self.consume(link) is not None
        assert self.read(other) == other

    def test_nothing_comes_back(self) -> None:
        """8: D06: with a clock that jumped back a day, used, superseded and revoked stay so, and their instants too."""
        used, old, revoked = (self.put(max_uses=1, resource=f"invoice:{each}") for each in range(3))
        self.consume(used)
        self.put_reissue(old, supersede="on-issue")
        self.revoke(revoked, reason="lost")
        before = [self.read(each) for each in (used, old, revoked)]
        for link in before:
            assert self.consume(link, now=NOW - SECOND) is None
            assert self.store.count_attempt(AUDIENCE, link.link_id, now=NOW - DAY, limit=5) is None
            assert not self.add(link._replace(number=None, generation=None), now=NOW - DAY)
        assert [self.read(each) for each in (used, old, revoked)] == before

    def test_late_writers(self) -> None:
        """8: F16: a delivery, a try and a revocation after a use leave the use, and each other, as they were."""
        link = self.put(max_uses=2)
        self.consume(link, attempt=ATTEMPT)
        self.deliver(link)
        self.store.count_attempt(AUDIENCE, link.link_id, now=NOW, limit=5)
        self.revoke(link, reason="lost")
        self.deliver(link, now=LATER)
        used = link._replace(uses=1, first_used_at=NOW, last_used_at=NOW, attempt=ATTEMPT)
        assert self.read(link) == used._replace(attempts=1, delivered_at=NOW, revoked_at=NOW, revoke_reason="lost")
