"""Rule 6: when a link of a series ends those before it, and which."""

from collections.abc import Sequence
from typing import Any

from ...instants import SECOND
from ...records import Record
from .bench import LATER, NOW, Bench, record


class Superseding(Bench):
    """Most tests begin with two links of one series that have ended nothing, and see what a third one does to them."""

    def put_third(self, origin: str, supersede: str, **changes: Any) -> tuple[Record, Record, Record]:
        """Write two links, and a third which for a renewal has the second as its parent."""
        first = self.put()
        second = self.put_reissue(first)
        third = self.make_reissue(second, origin=origin, supersede=supersede, **changes)
        assert self.add(third, now=LATER)
        return first, second, self.read(third)

    def ends_nothing(self, links: Sequence[Record], *, now: int = NOW) -> bool:
        """Deliver the last of some links, and return whether that is remembered and ended none of them."""
        self.deliver(links[-1], now=now)
        return self.read(links[-1]).delivered_at == now and self.list_superseded(links) == [None] * len(links)

    def test_on_issue(self) -> None:
        """6: ON_ISSUE, an issue or a reminder ends every older link of the series in the same write, itself not."""
        for number, origin in enumerate(("issue", "remind")):
            older = [self.put(resource=f"invoice:{number}") for _ in range(3)]
            newest = self.make_reissue(older[-1], origin=origin, supersede="on-issue")
            assert self.add(newest, now=LATER)
            assert self.list_superseded([*older, newest]) == [LATER, LATER, LATER, None]

    def test_on_issue_by_assigned_numbers(self) -> None:
        """6: ON_ISSUE, a link that came without a number ends every older one too."""
        older = self.put()
        self.put(supersede="on-issue")
        assert self.read(older).superseded_at == NOW

    def test_on_issue_of_a_renewed_link(self) -> None:
        """6: ON_ISSUE, a renewed link ends its parent at once, and nothing more when it is delivered."""
        first, second, third = self.put_third("renew", "on-issue")
        assert self.list_superseded([first, second, third]) == [None, LATER, None]
        self.deliver(third)
        assert self.list_superseded([first, second, third]) == [None, LATER, None]

    def test_on_issue_in_a_batch(self) -> None:
        """6: of two links of one series in one batch the later one ends the earlier one."""
        batch = [record(supersede="on-issue") for _ in range(2)]
        assert self.add(*batch)
        assert self.list_superseded(batch) == [NOW, None]

    def test_on_delivery_waits(self) -> None:
        """6: ON_DELIVERY, the write of a link ends nothing, whatever its origin."""
        for origin in ("issue", "remind", "renew"):
            links = self.put_third(origin, "on-delivery")
            assert self.list_superseded(links) == [None, None, None]

    def test_on_delivery(self) -> None:
        """6: ON_DELIVERY, the delivery of an issue or a reminder ends every older link of the series, itself not."""
        for origin in ("issue", "remind"):
            links = self.put_third(origin, "on-delivery")
            self.deliver(links[-1], now=LATER)
            assert self.list_superseded(links) == [LATER, LATER, None]

    def test_on_delivery_of_a_renewed_link(self) -> None:
        """6: ON_DELIVERY, the delivery of a renewed link ends its parent only."""
        links = self.put_third("renew", "on-delivery")
        self.deliver(links[-1], now=LATER)
        assert self.list_superseded(links) == [None, LATER, None]

    def test_never(self) -> None:
        """6: NEVER, neither the write nor the delivery ends anything, whatever the origin."""
        for origin in ("issue", "remind", "renew"):
            assert self.ends_nothing(self.put_third(origin, "never"))

    def test_other_series(self) -> None:
        """6: neither way ends a link of another series: another's contact, another invoice."""
        others = [self.put(recipient=b"\x01" + b"x" * 16), self.put(recipient=None), self.put(resource="invoice:1002")]
        self.put_third("issue", "on-issue")
        self.deliver(self.put_third("issue", "on-delivery")[-1])
        assert self.list_superseded(others) == [None, None, None]

    def test_order_is_the_number(self) -> None:
        """6: older is what has the lower number, whatever the clocks of the issuing machines said."""
        fast = self.put(issued_at=NOW + 20 * SECOND)
        slow = self.put_reissue(fast, issued_at=NOW, supersede="on-delivery")
        self.deliver(slow)
        assert self.list_superseded([fast, slow]) == [NOW, None]

    def test_delivered_at(self) -> None:
        """6: a delivery is remembered, and with a second one the first instant stays."""
        link = self.put()
        assert link.delivered_at is None
        self.deliver(link, now=NOW)
        self.deliver(link, now=LATER)
        assert self.read(link) == link._replace(delivered_at=NOW)

    def test_delivered_twice(self) -> None:
        """6: a second delivery leaves the first instant of what it superseded."""
        links = self.put_third("remind", "on-delivery")
        self.deliver(links[-1], now=NOW)
        self.deliver(links[-1], now=LATER)
        assert self.list_superseded(links) == [NOW, NOW, None]

    def test_delivered_in_the_wrong_order(self) -> None:
        """6: where the mails arrive newest first, the newest link stays, and the older one ends nothing."""
        first = self.put(supersede="on-delivery")
        second, third = (self.put(supersede="on-delivery") for _ in range(2))
        self.deliver(second, now=NOW)
        self.deliver(first, now=LATER)
        assert self.list_superseded([first, second, third]) == [NOW, None, None]
        assert self.read(first).delivered_at == LATER

    def test_delivered_together(self) -> None:
        """6: of several that are delivered in one call, only the newest stays."""
        links = [self.put(supersede="on-delivery") for _ in range(3)]
        self.deliver(*links)
        assert self.list_superseded(links) == [NOW, NOW, None]
        assert [self.read(each).delivered_at for each in links] == [NOW, NOW, NOW]

    def test_unknown_delivery(self) -> None:
        """6: ids that the store doesn't know are ignored, and the others remembered."""
        link = self.put()
        self.deliver(record(), link, record())
        assert self.read(link).delivered_at == NOW

    def test_delivery_of_a_used_link(self) -> None:
        """6: the delivery of a link that has been used ends nothing, and is remembered."""
        links = self.put_third("remind", "on-delivery", max_uses=1)
        assert self.consume(links[-1]) is not None
        assert self.ends_nothing(links)

    def test_delivery_of_an_expired_link(self) -> None:
        """6: the delivery of a link ends nothing from the instant of its expiry on."""
        links = self.put_third("remind", "on-delivery")
        assert self.ends_nothing(links, now=links[-1].expires_at)

    def test_delivery_of_a_revoked_link(self) -> None:
        """6: the delivery of a link that was revoked ends nothing, and is remembered."""
        links = self.put_third("remind", "on-delivery")
        self.revoke(links[-1])
        assert self.ends_nothing(links)

    def test_delivery_after_revoke_subject(self) -> None:
        """6: the delivery of a link of an older generation supersedes nothing, and is remembered."""
        links = self.put_third("remind", "on-delivery")
        self.revoke_subject(links[-1])
        assert self.ends_nothing(links)

    def test_superseding_used_and_expired_links(self) -> None:
        """6: superseding reaches links that were used or have expired."""
        used, past = self.put(max_uses=1), self.put(expires_at=NOW - SECOND)
        assert self.consume(used) is not None
        self.put(supersede="on-issue")
        assert self.list_superseded([used, past]) == [NOW, NOW]

    def test_superseding_revoked_links(self) -> None:
        """6: superseding never reaches a revoked link, by its own revocation or by its subject's."""
        revoked, older = self.put(resource="invoice:1002"), self.put()
        self.revoke(revoked)
        self.put_reissue(revoked, supersede="on-issue")
        self.revoke_subject(older)
        newest = self.put_reissue(self.put(supersede="on-issue"), supersede="on-delivery")
        self.deliver(newest)
        assert self.list_superseded([revoked, older]) == [None, None]

    def test_superseding_superseded_links(self) -> None:
        """6: with a second superseding the first instant stays."""
        first = self.put()
        assert self.add(record(supersede="on-issue"), now=NOW)
        assert self.add(record(supersede="on-issue"), now=LATER)
        assert self.read(first).superseded_at == NOW
