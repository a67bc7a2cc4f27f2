"""What the state machine draws from meets itself: few values, named as the core names them."""

from __future__ import annotations

from hypothesis import find

from magiclink.records import CLOCK_SKEW, Record
from magiclink.testing.contract.bench import NOW
from magiclink.testing.machine_draws import AUDIENCES, INSTANTS, MADE, ORDERS, UNREAD, Order

ORDER = Order(AUDIENCES[0], "invoice", "customer-7", "invoice:1001", "ap@acme.example")


def test_series_is_named_by_all_of_an_order() -> None:
    """Another value in any place, or another key, is another series; the same is the same."""
    others = [ORDER._replace(**{name: "other"}) for name in Order._fields]
    assert len({each.series(1) for each in [ORDER, *others]} | {ORDER.series(2)}) == len(others) + 2
    assert ORDER.series(1) == Order(*ORDER).series(1)


def test_recipient_is_named_by_its_address() -> None:
    """An address has one name under a key, in every series, which begins with the key; no address has none."""
    named = ORDER.recipient(2)
    assert named is not None
    assert named == ORDER._replace(subject="customer-8").recipient(2) != ORDER.recipient(1)
    assert (named[0], len(named)) == (2, 17)
    assert ORDER._replace(address=None).recipient(1) is None


def test_orders_and_clocks_that_matter() -> None:
    """A contact without an address is drawn, and a clock that is ahead by one microsecond more than is allowed."""
    assert find(ORDERS, lambda order: order.address is None).recipient(1) is None
    assert find(INSTANTS, lambda now: now == NOW + CLOCK_SKEW + 1)


def test_every_column() -> None:
    """Each column that no call reads is drawn, with another value than its default, and never some of them alone."""
    written = {"uses", "first_used_at", "last_used_at", "attempt", "attempts", "delivered_at", "superseded_at"}
    written |= {"revoked_at", "revoke_reason"}
    assert set(UNREAD) - {"browser"} == Record._field_defaults.keys() - written
    drawn = find(MADE, lambda made: "bounce" in made)
    assert drawn.keys() >= set(UNREAD)
    assert [name for name in UNREAD if drawn[name] == Record._field_defaults.get(name)] == []
    assert UNREAD[0] not in find(MADE, lambda made: "bounce" not in made)
