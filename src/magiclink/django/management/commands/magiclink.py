"""`manage.py magiclink …`: the operator's commands of `magiclink.cli`, on the site's own links.

`check` asks the store whether it works; `keygen` needs no setting, since a key comes before them.
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

    help: str = "Inspect, revoke and purge links; see their history; check the store; make a key."
    # Whatever is wrong elsewhere in the site, an operator can withdraw a link.
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take everything as it is: the commands read their own arguments, and have their own help."""
        parser.add_argument(
            "arguments",
            nargs=REMAINDER,
            metavar="command",
            help="check, keygen, inspect, history, revoke or purge; `inspect --help` tells of each",
        )

    def handle(self, *_: object, arguments: Sequence[str], **__: Any) -> None:
        """Run a command. Raises CommandError with its exit status for what can't be done."""
        told, failed = StringIO(), StringIO()
        with redirect_stdout(told), redirect_stderr(failed):
            status = _status(arguments)
        self.stdout.write(told.getvalue(), ending="")
        if status:
            raise CommandError(failed.getvalue().strip(), returncode=status)


def _status(arguments: Sequence[str]) -> int:
    try:
        if list(arguments) == ["check"]:
            return _check()
        return cli.main(arguments, links=None if arguments[:1] == ["keygen"] else adapter().links)
    except MagicLinkError as error:
        raise CommandError(str(error), returncode=2) from None
    except SystemExit as ended:
        # argparse ends a program where there is nothing to run: after its help, or a mistake.
        return int(ended.code or 0)


def _check() -> int:
    adapter().links.flows.store.check()
    print("the store answers")  # noqa: T201
    return 0
