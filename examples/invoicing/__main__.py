"""`python -m examples.invoicing tour` and `python -m examples.invoicing serve`."""

from __future__ import annotations

import sys

from ..story.commands import add_story, make_parser, run
from .site import open_site


def main() -> int:
    """Run the command that was chosen."""
    parser, commands = make_parser("python -m examples.invoicing")
    add_story(commands, open_site, option="--store", kept="where links are kept (default: SQLite beside the books)")
    return run(parser)


if __name__ == "__main__":
    sys.exit(main())
