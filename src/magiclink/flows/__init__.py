"""The core: every flow once, as `async def` over awaitable calls of the store, without a framework.

`magiclink.links` runs each flow to its end at once, `magiclink.aio` awaits it; both are documented in `MagicLinks`.

- `core.py`: what every flow needs: configuration, the clock, the calls of the store and the app, events and notes
- `arguments.py`, `configuration.py`: the checks of what callers give, and of what MagicLinks is made with
- `issuing.py`: issue, remind, renew, and what the mail server took
- `redeeming.py`: verify, redeem, recall
- `managing.py`: revoke, find, inspect, history, purge
- `web_calls.py`: what only the web conversation uses
"""

from .issuing import Issuing
from .managing import Managing
from .web_calls import WebCalls

__all__ = ["Flows"]


class Flows(Issuing, WebCalls, Managing):
    """Every flow of magic links, over awaitable calls."""
