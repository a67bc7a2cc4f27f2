"""`python -m examples.invoicing tour`."""

from __future__ import annotations

import argparse
import sys

from . import tour


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m examples.invoicing", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    told = commands.add_parser("tour", help="tell the whole life of a link, and end by itself")
    told.set_defaults(run=tour.main)
    return int(parser.parse_args().run())


if __name__ == "__main__":
    sys.exit(main())
