"""What the tests of the SQLAlchemy keeper run in processes of their own.

Run as `python sqlalchemy_processes.py URL`: opens a store, says `ready`, and for each link id in hexadecimal that it's
told, one a line, uses the link once, and tells the count of that use, or 0.
"""

from __future__ import annotations

import sys

from magiclink.stores import from_url
from magiclink.testing.contract import terms


def main(url: str) -> None:
    """Use what is told."""
    store = from_url(url)
    print("ready", flush=True)
    for line in sys.stdin:
        used = store.consume(bytes.fromhex(line), terms())
        print(used.uses if used else 0, flush=True)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1])
