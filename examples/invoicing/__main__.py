"""`python -m examples.invoicing tour` and `python -m examples.invoicing serve`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from magiclink import ConfigurationError

from . import serve, tour


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m examples.invoicing")
    commands = parser.add_subparsers(required=True, metavar="command")
    told = commands.add_parser("tour", help="tell the whole life of a link over HTTP, and end by itself")
    told.set_defaults(run=lambda chosen: tour.main(chosen.store))
    served = commands.add_parser("serve", help="serve the app on this machine, with its outbox and a clock to move")
    served.add_argument("--port", type=int, default=8042, help="0 takes any that is free (default: 8042)")
    served.add_argument("--folder", type=Path, help="where everything is kept (default: a temporary folder)")
    served.set_defaults(run=lambda chosen: serve.main(chosen.port, chosen.folder, chosen.store))
    for command in (told, served):
        command.add_argument("--store", metavar="URL", help="where links are kept (default: SQLite beside the books)")
    chosen = parser.parse_args()
    try:
        return int(chosen.run(chosen))
    except (ConfigurationError, OSError, OverflowError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    sys.exit(main())
