"""A state machine that runs a store against the model in memory, in any order of calls (hypothesis).

Whoever writes a store subclasses it, gives `make_store`, and lets pytest collect its test case:

    class MyMachine(StoreMachine):
        def make_store(self) -> Store:
            return MyStore("my-store:///test")      # new and empty each time; the machine closes it

    TestMyMachine = MyMachine.TestCase

The contract says what each call does; this says that no order of calls, and no clock, brings a store to another answer.
Numbers are the store's own: they are compared by their order in a series. With `machine_draws.py` the only module that
imports hypothesis.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, precondition, rule

from ..instants import SECOND
from ..records import Note, Record, Selector, Terms
from ..stores.base import HOUR, Store
from ..stores.memory import MemoryStore
from .contract.bench import NOW, digest, record
from .machine_draws import AUDIENCES, CLOCKS, FIELDS, INSTANTS, MADE, ORDERS, TERMS, WINDOW, WRONG, Order

EVERYTHING = 10_000
KEYS = 3
"""How many keys the machine's ring may get, each in the place of the one before."""

Id = tuple[str, bytes]
"""The audience of a link, and its link id."""


class Read(NamedTuple):
    """What both stores answered about a series once, from which a reissue is made later."""

    order: Order
    expected: tuple[Record | None, int]
    found: tuple[Record | None, int]
    purges: int


class StoreMachine(RuleBasedStateMachine):
    """Any calls in any order, on a store and on the model: the same answers, and the same links afterwards."""

    links: Bundle[Any] = Bundle("links")
    reads: Bundle[Any] = Bundle("reads")

    def __init__(self) -> None:
        super().__init__()
        self.model: MemoryStore = MemoryStore()
        self.store: Store = self.make_store()
        self.key: int = 1
        self.purges: int = 0
        self.clock: int = NOW
        self.orders: dict[Order, None] = {}
        self.known: dict[Id, None] = {}
        self.hits: Counter[tuple[bytes, int]] = Counter()

    def make_store(self) -> Store:
        """Return a new, empty store; the machine closes it."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Close the store; hypothesis calls it after each example."""
        self.store.close()

    @rule(target=links, orders=st.lists(ORDERS, min_size=1, max_size=3), made=MADE, now=INSTANTS)
    def issue(self, orders: list[Order], made: dict[str, Any], now: int) -> MultipleResults[Id]:
        """Write a batch of links of one audience, whose numbers and generations the stores assign."""
        orders = [order._replace(audience=orders[0].audience) for order in orders]
        records = [self.record(order, issued_at=now, **made) for order in orders]
        return self.add(records, records, orders, now)

    @rule(target=links, link=links, order=ORDERS, made=MADE, now=INSTANTS)
    def issue_again(self, link: Id, order: Order, made: dict[str, Any], now: int) -> MultipleResults[Id]:
        """Write a link id that is there, or was forgotten, or is another audience's, together with a new one."""
        again = self.record(order, issued_at=now, **made)._replace(link_id=link[1])
        again = again._replace(expires_at=int.from_bytes(link[1][:4], "big") * SECOND)
        records = [self.record(order, issued_at=now, **made), again]
        return self.add(records, records, [order], now)

    @rule(target=reads, order=ORDERS)
    def read(self, order: Order) -> Read:
        """Read the newest link of a series, and the generation, to reissue it at some time."""
        return Read(order, *self.newest(order), self.purges)

    @rule(target=links, read=reads, origin=st.sampled_from(("remind", "renew")), made=MADE, now=INSTANTS)
    def reissue(self, read: Read, origin: str, made: dict[str, Any], now: int) -> MultipleResults[Id]:
        """Write a link that follows what was read, whatever has happened since."""
        if read.purges != self.purges:
            # What was forgotten may give its number away again; which number then comes next, each store decides.
            return multiple()
        plain = self.record(read.order, issued_at=now, origin=origin, **made)
        follow = [
            plain._replace(number=_get_number(newest) + 1, generation=generation, parent=newest and newest.link_id)
            for newest, generation in (read.expected, read.found)
        ]
        return self.add(follow[:1], follow[1:], [read.order], now)

    @rule(link=links, terms=TERMS, wrong=WRONG)
    def consume(self, link: Id, terms: dict[str, Any], wrong: dict[str, Any]) -> None:
        """Use a link."""
        record = self.model.get(*link)
        own = {"audience": link[0], "purpose": record.purpose if record else "", "stamp": record and record.stamp}
        self.both("consume", link[1], Terms(**{**own, **terms, **wrong}))

    @rule(link=links, now=st.sampled_from((NOW, NOW + SECOND)), ends_others=st.booleans())
    def use(self, link: Id, now: int, ends_others: bool) -> None:  # noqa: FBT001
        """Use a link as people do, soon and under its own policy."""
        plain = {"now": now, "lifetime": 14 * 24 * HOUR, "max_uses": None, "ends_others": ends_others}
        self.consume(link, plain, {})

    @rule(some=st.lists(links, max_size=3), now=INSTANTS)
    def deliver(self, some: list[Id], now: int) -> None:
        """Mark links as delivered, in any order, twice, and those that the audience hasn't."""
        audience = some[0][0] if some else AUDIENCES[0]
        self.both("mark_delivered", audience, [link_id for _, link_id in some], now=now)

    @rule(link=links, now=INSTANTS, reason=st.sampled_from(("", "lost")))
    def revoke(self, link: Id, now: int, reason: str) -> None:
        """Withdraw one link."""
        self.both("revoke", *link, now=now, reason=reason)

    @rule(order=ORDERS, fields=FIELDS, before=st.none() | INSTANTS, now=INSTANTS)
    def revoke_many(self, order: Order, fields: set[str], before: int | None, now: int) -> None:
        """Withdraw what matches; where that is everything, all that a subject has."""
        selector = replace(self.selector(order, fields), issued_before=before)
        if selector.is_empty:
            self.both("revoke_subject", order.audience, order.subject, now=now, reason="left")
        else:
            self.both("revoke_matching", selector, now=now, reason="matching")

    @rule(key=st.sampled_from((b"one", b"two")), limit=st.integers(0, 2), clocks=CLOCKS)
    def hit(self, key: bytes, limit: int, clocks: list[tuple[int, int]]) -> None:
        """Count hits of a limit key, on machines whose clocks are apart by as much as is allowed."""
        for passed, behind in clocks:
            self.clock += passed
            now = self.clock - behind
            ends_at = now - now % WINDOW + WINDOW
            fits = self.hits[key, ends_at] < limit
            self.hits[key, ends_at] += fits
            assert self.store.hit(key, now=now, limit=limit, window=WINDOW) == (None if fits else ends_at)

    @rule(link=links, now=INSTANTS, limit=st.integers(0, 2))
    def count_attempt(self, link: Id, now: int, limit: int) -> None:
        """Try a link's code."""
        self.both("count_attempt", *link, now=now, limit=limit)

    @rule(link=links, kind=st.sampled_from(("verified", "refused")), at=INSTANTS, reason=st.sampled_from(("", "used")))
    def note(self, link: Id, kind: str, at: int, reason: str) -> None:
        """Note something about a link that is known: notes of another may be dropped or not."""
        if self.model.get(*link) is not None:
            self.both("note", Note(audience=link[0], link_id=link[1], kind=kind, at=at, reason=reason))

    @rule(audience=st.sampled_from(AUDIENCES), before=INSTANTS, limit=st.sampled_from((0, 1, 2, 99)))
    def purge(self, audience: str, before: int, limit: int) -> None:
        """Forget, and what was read before can't be reissued any more."""
        self.both("purge", audience, before=before, limit=limit)
        self.purges += 1

    @rule(order=ORDERS, fields=FIELDS, limit=st.integers(0, 4), after=st.none() | links)
    def find(self, order: Order, fields: set[str], limit: int, after: Id | None) -> None:
        """Read a page of what matches, behind any link."""
        self.both("find", self.selector(order, fields), limit=limit, after=after and after[1])

    @rule()
    def look(self) -> None:
        """Both give the same for every link id that was ever seen, and the same newest link of every series."""
        for audience, link_id in self.known:
            self.both("get", audience, link_id)
        for order in self.orders:
            self.newest(order)

    @precondition(lambda self: self.key < KEYS)
    @rule()
    def rotate(self) -> None:
        """Sign with a new key: what is written from now on renames what it finds under the old ones."""
        self.key += 1

    @invariant()
    def same_links(self) -> None:
        """Both have the same links, in the same order, with the same notes."""
        for audience in AUDIENCES:
            everything = Selector(audience=audience)
            expected, found = (list(each.find(everything, limit=EVERYTHING)) for each in (self.model, self.store))
            assert _rank(found) == _rank(expected)
            ids = [link_id for _, link_id in self.known]
            notes = self.store.notes(audience, ids)
            assert [note.at for note in notes] == sorted(note.at for note in notes)
            assert sorted(notes, key=_get_order) == sorted(self.model.notes(audience, ids), key=_get_order)

    def record(self, order: Order, **made: Any) -> Record:
        """Build a link as the core does, under the signing key."""
        names = {"series": order.series(self.key), "recipient": order.recipient(self.key)}
        made |= {name: getattr(order, name) for name in ("audience", "purpose", "subject", "resource")}
        link_id = (made["expires_at"] // SECOND).to_bytes(4, "big") + digest(len(self.known))
        self.orders[order] = self.known[order.audience, link_id] = None
        return record(link_id=link_id, **names, **made)

    def add(
        self, expected: Sequence[Record], records: Sequence[Record], orders: Iterable[Order], now: int
    ) -> MultipleResults[Id]:
        """Write the same links into both, numbered by each for itself, and return their ids."""
        retired = range(1, self.key)
        renamed = {order.series(key): order.series(self.key) for order in orders for key in retired}
        for order in orders:
            signing = order.recipient(self.key)
            renamed |= {order.recipient(key) or b"": signing for key in retired if signing is not None}
        added = self.model.add(expected, now=now, renamed=renamed)
        assert self.store.add(records, now=now, renamed=renamed) is added
        ids = [(record.audience, record.link_id) for record in records]
        self.known |= dict.fromkeys(ids)
        return multiple(*ids)

    def newest(self, order: Order) -> tuple[Any, Any]:
        """Read the newest link of a series from both, under every key."""
        series = [order.series(key) for key in range(self.key, 0, -1)]
        return self.both("newest", order.audience, order.subject, series)

    def selector(self, order: Order, names: set[str]) -> Selector:
        """Select by some of an order's fields; an address by its names under every key."""
        fields = {name: getattr(order, name) for name in names - {"address"}}
        recipients = [order.recipient(key) or b"" for key in range(1, self.key + 1)]
        return Selector(audience=order.audience, recipients=tuple(recipients) if "address" in names else None, **fields)

    def both(self, call: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Make a call to both stores, see that they answer the same, and return the model's answer and the store's."""
        expected, found = (getattr(each, call)(*args, **kwargs) for each in (self.model, self.store))
        assert _leave_numbers_out(found) == _leave_numbers_out(expected)
        return expected, found


def _leave_numbers_out(answer: Any) -> Any:
    """Leave out the numbers, which are the store's own."""
    if isinstance(answer, Record):
        return answer._replace(number=None)
    return [_leave_numbers_out(each) for each in answer] if isinstance(answer, list | tuple) else answer


def _rank(records: Sequence[Record]) -> list[Record]:
    """Replace each link's number by its rank in its series."""

    def rank(record: Record) -> int:
        return sum(each.series == record.series and _get_number(each) < _get_number(record) for each in records)

    return [record._replace(number=rank(record)) for record in records]


def _get_number(record: Record | None) -> int:
    return (record and record.number) or 0


def _get_order(note: Note) -> tuple[int, bytes, str]:
    return note.at, note.link_id, note.kind
