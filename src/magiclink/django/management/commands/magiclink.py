"""`manage.py magiclink …`: the operator's commands of `magiclink.cli`, on the site's own links.

`check` writes to the store and reads it back; `keygen` needs no setting, since a key is made before there are any.
"""

from __future__ import annotations

from argparse import REMAINDER
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from .... import cli
from ....errors import MagicLinkError
from ...conf import adapter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Runs one of the commands, with its output and exit status; `call_command("magiclink", "inspect", link_id)`."""

    help: str = "Inspect, revoke and purge links; show their history; check the store; make a key."
    # An operator can revoke a link whatever is wrong elsewhere in the site.
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Accept every argument: each command parses its own, and has its own help."""
        parser.add_argument(
            "arguments",
            nargs=REMAINDER,
            metavar="command",
            help="check, keygen, inspect, history, revoke or purge; `inspect --help` shows the arguments of one",
        )

    def handle(self, *_: object, arguments: Sequence[str], **__: Any) -> None:
        """Run a command. Raises CommandError with its exit status if it fails."""
        output, errors = StringIO(), StringIO()
        with redirect_stdout(output), redirect_stderr(errors):
            status = _run(arguments)
        self.stdout.write(output.getvalue(), ending="")
        if status:
            raise CommandError(errors.getvalue().strip(), returncode=status)


def _run(arguments: Sequence[str]) -> int:
    try:
        if list(arguments) == ["check"]:
            adapter().links.flows.store.check()
            print("the store answers")  # noqa: T201
            return 0
        return cli.main(arguments, links=None if arguments[:1] == ["keygen"] else adapter().links)
    except MagicLinkError as error:
        raise CommandError(str(error), returncode=2) from None
    except SystemExit as ended:
        # argparse exits after it has printed its help, or a mistake.
        return int(ended.code or 0)
