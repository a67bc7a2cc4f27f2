"""Rules 12 and 13: limits in aligned windows, and tries at a link's code."""

from ...instants import SECOND
from .bench import AUDIENCE, NOW, Bench, record

MINUTE = 60 * SECOND


class Counting(Bench):
    """Counters that can't be passed. `NOW` begins a minute."""

    def hit(self, now: int, *, key: bytes = b"key", limit: int = 2) -> int | None:
        """Count one hit in a minute's window."""
        return self.store.hit(key, now=now, limit=limit, window=MINUTE)

    def try_code(self, link_id: bytes, *, now: int = NOW, limit: int = 2) -> int | None:
        """Count one try, and return how many there were."""
        tried = self.store.count_attempt(AUDIENCE, link_id, now=now, limit=limit)
        return None if tried is None else tried.attempts

    def test_hits(self) -> None:
        """12: the first `limit` calls of a window give None, later ones the instant at which the next one begins."""
        assert [self.hit(NOW + late) for late in range(4)] == [None, None, NOW + MINUTE, NOW + MINUTE]

    def test_aligned_windows(self) -> None:
        """12: windows begin at multiples of their length since 1970, to the microsecond, not at the first call."""
        last = NOW + MINUTE - 1
        assert [self.hit(last) for _ in range(3)] == [None, None, NOW + MINUTE]
        assert [self.hit(last + 1) for _ in range(3)] == [None, None, NOW + 2 * MINUTE]

    def test_refused_hits(self) -> None:
        """12: a call beyond the limit counts nothing: with a higher limit the next call counts at once."""
        assert [self.hit(NOW, limit=1) for _ in range(5)] == [None] + [NOW + MINUTE] * 4
        assert [self.hit(NOW, limit=2) for _ in range(2)] == [None, NOW + MINUTE]

    def test_limit_of_zero(self) -> None:
        """12: a limit of 0 refuses the first call."""
        assert self.hit(NOW, limit=0) == NOW + MINUTE

    def test_windows_of_two_lengths(self) -> None:
        """12: windows of two lengths count by themselves, for one limit key too, where they end at one instant."""
        last = NOW + 59 * MINUTE
        assert [self.hit(last, limit=1) for _ in range(2)] == [None, last + MINUTE]
        hours = [self.store.hit(b"key", now=last, limit=1, window=60 * MINUTE) for _ in range(2)]
        assert hours == [None, last + MINUTE]

    def test_other_limit_keys(self) -> None:
        """12: F12: each limit key counts by itself, compared byte for byte."""
        for key in (b"key", b"Key", b"key ", b"key\x00", b"\xff\xfe", b""):
            assert self.hit(NOW, key=key, limit=1) is None
            assert self.hit(NOW, key=key, limit=1) == NOW + MINUTE

    def test_attempts(self) -> None:
        """13: a try adds one to `attempts`, nothing else, and gives the link after it, up to the limit."""
        link = self.put(code=b"hash")
        assert self.store.count_attempt(AUDIENCE, link.link_id, now=NOW, limit=2) == link._replace(attempts=1)
        assert [self.try_code(link.link_id) for _ in range(3)] == [2, None, None]
        assert self.read(link) == link._replace(attempts=2)

    def test_attempt_at_an_unknown_link(self) -> None:
        """13: there is no try at a link that isn't there."""
        assert self.try_code(record().link_id) is None

    def test_attempt_at_an_expired_link(self) -> None:
        """13: a try counts until the last microsecond before a link's expiry, not at its instant."""
        link = self.put()
        assert self.try_code(link.link_id, now=link.expires_at) is None
        assert self.try_code(link.link_id, now=link.expires_at - 1) == 1

    def test_attempt_at_a_used_link(self) -> None:
        """13: there is no try at a link that was used up, and one at a link that has uses left."""
        one, two = self.put(max_uses=1), self.put(max_uses=2)
        assert all(self.consume(link) for link in (one, two))
        assert [self.try_code(link.link_id) for link in (one, two)] == [None, 1]

    def test_attempt_at_a_superseded_link(self) -> None:
        """13: there is no try at a superseded link."""
        old = self.put()
        self.put(supersede="on-issue")
        assert self.try_code(old.link_id) is None

    def test_attempt_at_a_revoked_link(self) -> None:
        """13: there is no try at a revoked link, by its own revocation or by its subject's."""
        revoked, older = self.put(), self.put(subject="customer-8")
        self.revoke(revoked)
        self.revoke_subject(older)
        assert [self.try_code(link.link_id) for link in (revoked, older)] == [None, None]
