"""One process of a race: it says that it is ready, waits for the word, and clicks every link once."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta

from magiclink import KeyRing, MagicLinkError, MagicLinks, Opens, Policy
from magiclink.stores.sqlite import SQLiteStore

DOCUMENT = Policy(
    purpose="document",
    opens=Opens.RESOURCE,
    lifetime=timedelta(days=1),
    session_lifetime=timedelta(hours=1),
    ends_after=timedelta(days=7),
)
"""One use, by a button."""


def main(database: str, key: str) -> None:
    """Race, and print how many clicks of each kind there were."""
    # A queue of sixteen processes, each of whose writes waits for the disk: more timeout than a customer has.
    store = SQLiteStore(database, timeout=timedelta(minutes=5))
    keys = KeyRing.from_text(key)
    links = MagicLinks(keys=keys, store=store, policies=[DOCUMENT], base_url="https://billing.example/l/")
    print("ready", flush=True)
    tokens = sys.stdin.readline().split()
    answers: Counter[str] = Counter()
    for token in tokens:
        try:
            answers[type(links.redeem(token, DOCUMENT)).__name__] += 1
        except MagicLinkError as error:
            answers[type(error).__name__] += 1
    print(*(f"{name}={count}" for name, count in sorted(answers.items())), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
