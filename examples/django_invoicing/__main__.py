"""`python -m examples.django_invoicing tour`, `… serve`, and `… manage`, which is the project's manage.py."""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER
from tempfile import TemporaryDirectory

from django.core.management import execute_from_command_line

from ..story.commands import add_story, make_parser, run
from .site import DEVELOPMENT, open_site


def main() -> int:
    """Run the command that the arguments name, and return its exit status."""
    parser, commands = make_parser("python -m examples.django_invoicing")
    add_story(commands, open_site, option="--database", kept="where all is kept (default: SQLite in the folder)")
    managing = commands.add_parser("manage", help="run a command of Django's, such as `manage check --deploy`")
    managing.add_argument("rest", nargs=REMAINDER, metavar="command")
    managing.set_defaults(run=lambda chosen: manage(chosen.rest))
    return run(parser)


def manage(command: list[str]) -> int:
    """Run a command of Django's, with the settings of development and a temporary folder unless others are set."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", DEVELOPMENT)
    with TemporaryDirectory() as folder:
        os.environ.setdefault("INVOICING_FOLDER", folder)
        execute_from_command_line(["manage", *command])
    return 0


if __name__ == "__main__":
    sys.exit(main())
