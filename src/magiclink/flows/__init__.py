"""The hall: every flow once, as `async def`; the only room with a door to all below.

`magiclink.links` runs each flow to its end at once, `magiclink.aio` awaits it: two faces of this one text.

- `hall.py`: what every flow stands on: configuration, the clock, the seam to the store, events and notes
- `issuing.py`: issue, remind, renew, and what the mail server took
- `opening.py`: verify, redeem, recall
- `keeping.py`: revoke, find, inspect, history, purge; seals and limits for the web
"""

from __future__ import annotations

from .issuing import Issuing
from .keeping import Keeping
from .opening import Opening

__all__ = ["Flows"]


class Flows(Issuing, Opening, Keeping):
    """Every flow of magic links, over awaitable seams."""
