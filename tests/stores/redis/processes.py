"""What the tests of the Redis store run in a process of its own, which forks into many that race.

Run as `python redis_processes.py URL PREFIX ROUNDS`; a failed assertion is an exit code that isn't 0.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter

from magiclink.stores.redis import RedisStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import NOW

PROCESSES = 8


def race(url: str, prefix: str, rounds: int) -> None:
    """Let eight processes try each of some links: each is used once."""
    store = RedisStore(url, prefix=prefix)
    links = [record(max_uses=1, subject=f"customer-{number}").link_id for number in range(rounds)]
    assert store.add([record(max_uses=1, link_id=link_id) for link_id in links], now=NOW, renamed={})
    start, go = os.pipe()
    won, winners = os.pipe()
    children = []
    for _ in range(PROCESSES):
        if child := os.fork():
            children.append(child)
            continue
        try:
            os.close(go)
            os.read(start, 1)
            for link_id in links:
                if store.consume(link_id, terms(max_uses=1)):
                    os.write(winners, link_id)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(go)
    os.close(winners)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * PROCESSES
    answers = b"".join(iter(lambda: os.read(won, 1 << 16), b""))
    assert Counter(answers[at : at + 20] for at in range(0, len(answers), 20)) == dict.fromkeys(links, 1)


if __name__ == "__main__":
    race(sys.argv[1], sys.argv[2], int(sys.argv[3]))
