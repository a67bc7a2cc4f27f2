"""A process that redeems while another one purges: what `test_large_runs.py` runs.

Run as `python -m tests.stores.redeemer KEEPER URL NAME`; it issues some links and redeems them in turn, says `ready`
after the first few, and goes on until its input ends. Then it tells, as JSON, how many it redeemed since, and the
seconds of the longest one before and after that word. What isn't redeemed ends it.
"""

from __future__ import annotations

import json
import select
import sys
import time
from itertools import cycle

from tests.stores.locations import BILL, IS_LONG, Location, links_on

ALONE = 500 if IS_LONG else 50
"""How many are redeemed before the others begin."""


def main(store_name: str, url: str, name: str) -> None:
    """Redeem, and tell."""
    spans: list[list[float]] = [[], []]
    with links_on(Location(store_name, url, name).open(1)) as links:
        issued = [links.issue(BILL, subject=f"visitor-{number}", recipient="a@b.example") for number in range(20)]
        for link in cycle(issued):
            begun = time.perf_counter()
            links.redeem(link.token, BILL)
            is_ready = len(spans[0]) == ALONE
            spans[is_ready].append(time.perf_counter() - begun)
            if len(spans[0]) == ALONE and not is_ready:
                print("ready", flush=True)
            if is_ready and select.select([sys.stdin], [], [], 0)[0]:
                break
    alone, beside = spans
    print(json.dumps({"redeemed": len(beside), "alone": max(alone), "beside": max(beside)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
