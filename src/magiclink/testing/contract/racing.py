"""Rules 4, 7, 8, 10, 12, 13 and 15 with threads that start at one barrier: what a store must decide by itself."""

from collections.abc import Callable, Sequence
from functools import partial
from threading import Event

from ...instants import SECOND
from ...records import Record
from .bench import AUDIENCE, NOW, Bench, race, record

RACERS = 8


class Racing(Bench):
    """Each race is run `rounds` times, on new links each time."""

    def outstanding(self, links: Sequence[Record]) -> list[Record]:
        """Return those that can still be used."""
        return [link for link in links if self.read(link).state_at(NOW) == "outstanding"]

    def test_one_use(self) -> None:
        """7: F01: of eight threads that use a one-shot link, exactly one wins."""
        for _ in range(self.rounds):
            link = self.put(max_uses=1)
            won = race(*[partial(self.consume, link)] * RACERS)
            assert [used.uses for used in won if used is not None] == [1]
            assert self.read(link).uses == 1

    def test_three_uses(self) -> None:
        """7: F09: of fifty threads that use a link with three uses, exactly three win, each with its own count."""
        link = self.put(max_uses=3)
        won = race(*[partial(self.consume, link)] * 50)
        assert sorted(used.uses for used in won if used is not None) == [1, 2, 3]

    def test_three_uses_of_a_policy(self) -> None:
        """7: a policy's limit holds under racing too, where the link itself has none."""
        for _ in range(self.rounds):
            link = self.put()
            won = race(*[partial(self.consume, link, max_uses=3)] * RACERS)
            assert sorted(used.uses for used in won if used is not None) == [1, 2, 3]

    def test_any_number_of_uses(self) -> None:
        """7: of a reusable link no use is lost."""
        for _ in range(self.rounds):
            link = self.put()
            won = race(*[partial(self.consume, link)] * RACERS)
            assert sorted(used.uses for used in won if used is not None) == list(range(1, RACERS + 1))

    def test_links_that_end_each_other(self) -> None:
        """7: of several links of one person whose use ends the others, exactly one is used."""
        for turn in range(self.rounds):
            links = [self.put(max_uses=1, subject=f"customer-{turn}") for _ in range(4)]
            won = race(*[partial(self.consume, link, ends_others=True) for link in links])
            assert sum(used is not None for used in won) == 1
            assert sum(self.read(link).uses for link in links) == 1

    def test_late_writers_racing(self) -> None:
        """8: F16: a use, a delivery, a try and a revocation at once: none undoes another."""
        for _ in range(self.rounds):
            link = self.put()
            used, _none, tried, revoked = race(
                partial(self.consume, link),
                partial(self.deliver, link),
                partial(self.store.count_attempt, AUDIENCE, link.link_id, now=NOW, limit=5),
                partial(self.revoke, link, reason="lost"),
            )
            now = self.read(link)
            assert (now.uses, now.attempts) == (int(used is not None), int(tried is not None))
            assert (now.delivered_at, now.revoked_at, now.revoke_reason) == (NOW, NOW, "lost")
            assert revoked is not None

    def test_use_racing_revoke(self) -> None:
        """8: F04: after a revocation has returned, no use of the link is written."""
        for _ in range(self.rounds):
            link = self.put()
            self.assert_no_later_use(link, partial(self.revoke, link))

    def test_use_racing_revoke_subject(self) -> None:
        """10: F04: after the revocation of a subject has returned, no use of its links is written."""
        for _ in range(self.rounds):
            link = self.put()
            self.assert_no_later_use(link, partial(self.revoke_subject, link))

    def assert_no_later_use(self, link: Record, end: Callable[[], object]) -> None:
        """Use a link on seven threads until it is ended, and see that its uses don't rise from then on."""
        ended = Event()

        def use() -> int:
            uses = 0
            while not ended.is_set():
                uses += self.consume(link) is not None
            return uses + (self.consume(link) is not None)

        def revoke() -> int:
            try:
                end()
                return self.read(link).uses
            finally:
                ended.set()

        counted, *uses = race(revoke, *[use] * (RACERS - 1))
        assert counted == sum(uses) == self.read(link).uses

    def test_reissues_racing(self) -> None:
        """4: F07: of two reissues that follow the same newest link, one is written and the other answers False."""
        for _ in range(self.rounds):
            parent = self.put(resource=None)
            rivals = [self.make_reissue(parent, supersede="on-issue") for _ in range(2)]
            assert sorted(race(*[partial(self.add, rival) for rival in rivals])) == [False, True]
            assert len(self.outstanding([link for link in rivals if self.store.get(AUDIENCE, link.link_id)])) == 1

    def test_issues_racing(self) -> None:
        """6: links of one series that are issued at once get numbers of their own, and one stays outstanding."""
        for turn in range(self.rounds):
            links = [record(subject=f"customer-{turn}", supersede="on-issue") for _ in range(RACERS)]
            assert all(race(*[partial(self.add, link) for link in links]))
            assert len({self.read(link).number for link in links}) == RACERS
            assert len(self.outstanding(links)) == 1

    def test_deliveries_racing(self) -> None:
        """6: links of one series that are delivered at once leave the newest outstanding, and it alone."""
        for turn in range(self.rounds):
            links = [self.put(subject=f"customer-{turn}", supersede="on-delivery") for _ in range(4)]
            race(*[partial(self.deliver, link) for link in links])
            assert self.outstanding(links) == links[-1:]

    def test_same_link_id_racing(self) -> None:
        """2: of several writes of one link id one is written."""
        for _ in range(self.rounds):
            link = record(resource=None)
            assert sum(race(*[partial(self.add, link)] * RACERS)) == 1

    def test_reissue_racing_revoke_subject(self) -> None:
        """10: nothing survives a subject's revocation that a reissue inserts from a parent read before it."""
        for turn in range(self.rounds):
            parent = self.put(subject=f"customer-{turn}")
            child = self.make_reissue(parent)
            race(partial(self.add, child), partial(self.revoke_subject, parent))
            assert self.consume(child) is None
            assert self.consume(parent) is None

    def test_hits_racing(self) -> None:
        """12: F11: calls at once never pass a limit key's limit, and use it up."""
        for number in range(self.rounds):
            key = b"key-%d" % number
            answers = race(*[partial(self.store.hit, key, now=NOW, limit=5, window=60 * SECOND)] * RACERS)
            assert sorted(each is None for each in answers) == [False] * 3 + [True] * 5

    def test_attempts_racing(self) -> None:
        """13: F10: tries at once never pass a code's limit, and use it up, each with its own count."""
        for _ in range(self.rounds):
            link = self.put()
            tries = race(*[partial(self.store.count_attempt, AUDIENCE, link.link_id, now=NOW, limit=5)] * RACERS)
            assert sorted(each.attempts for each in tries if each is not None) == [1, 2, 3, 4, 5]

    def test_purges_racing(self) -> None:
        """15: E20: two purges at once forget each link once, and count it once."""
        for _ in range(self.rounds):
            assert self.add(*[record(expires_at=NOW - SECOND, subject=f"customer-{each}") for each in range(9)])
            gone = race(*[partial(self.store.purge, AUDIENCE, before=NOW, limit=9)] * 2)
            assert sum(gone) == 9

    def test_purge_racing_use(self) -> None:
        """15: E20: a purge disturbs no use, no issue and no revocation of what is still alive."""
        for turn in range(self.rounds):
            subject = f"customer-{turn}"
            assert self.add(*[record(expires_at=NOW - SECOND, subject=subject) for _ in range(9)])
            link, fresh = self.put(subject=subject), record(subject=subject)
            purge = partial(self.store.purge, AUDIENCE, before=NOW, limit=9)
            gone, used, added = race(purge, partial(self.consume, link), partial(self.add, fresh))
            assert (gone, used, added) == (9, link._replace(uses=1, first_used_at=NOW, last_used_at=NOW), True)
            assert len(self.find(subject=subject)) == 2
