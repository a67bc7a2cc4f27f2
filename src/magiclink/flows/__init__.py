"""The core: every flow once, as `async def`; the only room with a door to all below.

`magiclink.links` runs each flow to its end at once, `magiclink.aio` awaits it: two faces of this one text.

- `core.py`: what every flow stands on: configuration, the clock, the call to the store, events and notes
- `issuing.py`: issue, remind, renew, and what the mail server took
- `redeeming.py`: verify, redeem, recall
- `managing.py`: revoke, find, inspect, history, purge
- `web_calls.py`: what the web conversation borrows, and neither face offers
"""

from __future__ import annotations

from .issuing import Issuing
from .managing import Managing
from .web_calls import WebCalls

__all__ = ["Flows"]


class Flows(Issuing, WebCalls, Managing):
    """Every flow of magic links, over awaitable calls."""
