"""Rule 11: what `find` returns, in which order, and how the next page is read."""

from ...instants import SECOND
from ...records import Record
from .bench import DAY, NOW, Bench, record


class Finding(Bench):
    """Looking links up."""

    def put_six(self) -> list[Record]:
        """Write six links, two an instant, and return them in the order in which they are to be found."""
        links = [self.put(issued_at=NOW + late) for late in (1, 0, 2, 1, 0, 2)]
        return sorted(links, key=lambda link: (link.issued_at, link.link_id), reverse=True)

    def test_order(self) -> None:
        """11: the newest comes first, by its instant, then by its link id."""
        expected = self.put_six()
        assert self.find(subject="customer-7") == expected

    def test_order_of_link_ids(self) -> None:
        """11: of one instant the higher link id comes first, compared as bytes."""
        begins = record().link_id[:4]
        ends = (b"\x00" * 16, b"\x7f" * 16, b"\x80" * 16, b"\xff" * 16)
        links = [self.put(link_id=begins + end) for end in ends]
        assert self.find(subject="customer-7") == links[::-1]

    def test_limit(self) -> None:
        """11: no more than `limit` come, and those are the newest."""
        expected = self.put_six()
        assert self.find(subject="customer-7", limit=4) == expected[:4]
        assert self.find(subject="customer-7", limit=0) == []

    def test_after(self) -> None:
        """11: `after` reads on behind a link; page by page all come, each once."""
        expected = self.put_six()
        pages = [*self.find(subject="customer-7", limit=1)]
        for _ in range(4):
            pages += self.find(subject="customer-7", limit=2, after=pages[-1])
        assert pages == expected

    def test_after_an_unknown_link(self) -> None:
        """11: `after` a link that isn't there gives nothing."""
        self.put()
        assert self.find(subject="customer-7", after=record()) == []

    def test_every_state(self) -> None:
        """11: used, expired, superseded and revoked links are found, as they are now."""
        old, used, past = self.put(), self.put(max_uses=1), self.put(expires_at=NOW - SECOND)
        self.consume(used)
        self.put_reissue(past, supersede="on-issue")
        self.revoke(old)
        found = {link.link_id: link for link in self.find(subject="customer-7")}
        assert len(found) == 4
        assert all(self.read(link) == found[link.link_id] for link in (old, used, past))

    def test_links_of_many_months(self) -> None:
        """11: links that expire months apart are found together, and belong to one series."""
        links = [self.put(issued_at=NOW + each, expires_at=NOW + (400 - 40 * each) * DAY) for each in range(10)]
        for fields in ({"subject": "customer-7"}, {"resource": "invoice:1001"}, {"recipients": (links[0].recipient,)}):
            assert self.find(**fields) == links[::-1]
        newest = self.put(supersede="on-issue")
        assert self.list_superseded([*links, newest]) == [NOW] * 10 + [None]

    def test_selectors(self) -> None:
        """11: every field that is given must match, and nothing else is given."""
        name, other = b"\x02" + b"r" * 16, b"\x03" + b"r" * 16
        fields = {"purpose": "sign-in", "subject": "customer-8", "resource": "invoice:1002", "recipient": name}
        links = {field: self.put(**{field: value}) for field, value in fields.items()}
        both = self.put(purpose="sign-in", subject="customer-8", issued_at=NOW - 1)
        assert self.find(purpose="sign-in") == [links["purpose"], both]
        assert self.find(subject="customer-8") == [links["subject"], both]
        assert self.find(resource="invoice:1002") == [links["resource"]]
        assert self.find(recipients=(name, other)) == [links["recipient"]]
        assert self.find(purpose="sign-in", subject="customer-8") == [both]
        assert self.find(issued_before=NOW) == [both]
        assert self.find(recipients=()) == []
