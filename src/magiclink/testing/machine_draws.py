"""What the state machine of stores draws from: few values of everything, so that calls meet each other's links.

No store is called here. It imports hypothesis, as the machine does.
"""

import operator
from typing import Any, NamedTuple

from hypothesis import strategies as st

from ..instants import SECOND
from ..records import CLOCK_SKEW
from ..stores.base import HOUR
from .contract.bench import DAY, NOW, digest
from .contract.fidelity import COLUMNS

WINDOW = 60 * SECOND


class Order(NamedTuple):
    """What a link is issued for; a series is named by all of it."""

    audience: str
    purpose: str
    subject: str
    resource: str | None
    address: str | None

    def series(self, key: int) -> bytes:
        """Name the series under a key."""
        return digest(key, *self)

    def recipient(self, key: int) -> bytes | None:
        """Name the recipient under a key: the same one in every series of the address."""
        return None if self.address is None else bytes([key]) + digest(key, self.address)


AUDIENCES = ("https://a.example", "https://b.example")
ORDERS = st.builds(
    Order,
    st.sampled_from((AUDIENCES[0], *AUDIENCES)),
    st.sampled_from(("invoice", "invoice", "sign-in")),
    st.sampled_from(("customer-7", "customer-7", "Customer-7")),
    st.sampled_from(("invoice:1001", "invoice:1001", None)),
    st.sampled_from(("ap@acme.example", "ap@acme.example", "ceo@acme.example", None)),
)
_NEAR = (0, 1, -1, SECOND, CLOCK_SKEW, CLOCK_SKEW + 1, -CLOCK_SKEW, 60 * SECOND)
_FAR = (600 * SECOND, HOUR, -HOUR, DAY, 14 * DAY)
INSTANTS = st.sampled_from([NOW + away for away in (*_NEAR, *_NEAR, *_FAR)])
"""Every call has a clock of its own: they differ, go backwards, and meet each other's bounds to the microsecond."""
UNREAD = (
    *("browser", "mac", "issued_to", "bound", "opens", "ends_with", "language", "metadata", "issued_by", "code"),
    *("passphrase", "code_expires_at", "openings", "first_opened_at", "last_opened_at", "evidence", "bounced_at"),
    *("bounce", "superseded_by", "revoked_by"),
)
"""The columns that no call reads: every call leaves them as they are."""
_MADE = {
    "expires_at": st.sampled_from([NOW + lives for lives in (14 * DAY, 14 * DAY, DAY, HOUR, 600 * SECOND, -DAY)]),
    "supersede": st.sampled_from(("never", "on-issue", "on-delivery")),
    "max_uses": st.sampled_from((None, 1, 2)),
    "stamp": st.sampled_from((None, None, b"stamp")),
}
_UNREAD: tuple[dict[str, Any], ...] = ({}, {name: COLUMNS[name] for name in UNREAD})
MADE: st.SearchStrategy[dict[str, Any]] = st.builds(
    operator.or_, st.fixed_dictionaries(_MADE), st.sampled_from(_UNREAD)
)
TERMS = st.fixed_dictionaries(
    {
        "now": INSTANTS,
        "lifetime": st.sampled_from((14 * DAY, 14 * DAY, 600 * SECOND, 1)),
        "max_uses": st.sampled_from((None, None, 1, 2)),
        "attempt": st.sampled_from((None, b"one", b"two")),
        "reclick": st.sampled_from((0, CLOCK_SKEW, HOUR)),
        "ends_others": st.booleans(),
    }
)
_LATER, _BEHIND = st.sampled_from((0, SECOND, WINDOW, HOUR)), st.sampled_from((0, 0, 1, CLOCK_SKEW))
CLOCKS = st.lists(st.tuples(_LATER, _BEHIND), min_size=1, max_size=5)
"""By how much each call's clock is later than the last one's, and how far behind it a slow machine's is."""
FIELDS = st.sets(st.sampled_from(("purpose", "subject", "resource", "address")), max_size=3)
WRONG = st.sampled_from(({}, {}, {}, {"audience": AUDIENCES[1]}, {"purpose": "sign-in"}, {"stamp": b"other"}))
"""What a use names otherwise than its link does, now and then."""
