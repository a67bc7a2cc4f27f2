"""`tour` and `serve`: the commands that both examples have."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from magiclink import ConfigurationError

from .server import serve
from .tour import tour

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from .site import OpenSite


def make_parser(prog: str) -> tuple[ArgumentParser, _SubParsersAction[ArgumentParser]]:
    """Return an example's parser, and what commands are added to."""
    parser = ArgumentParser(prog=prog)
    return parser, parser.add_subparsers(required=True, metavar="command")


def add_story(commands: _SubParsersAction[ArgumentParser], open_site: OpenSite, *, option: str, kept: str) -> None:
    """Add `tour` and `serve`; `option` names what is kept elsewhere, as `kept` says."""
    touring = commands.add_parser("tour", help="tell the whole life of a link over HTTP, and end by itself")
    touring.set_defaults(run=lambda chosen: tour(open_site, chosen.kept_in))
    serving = commands.add_parser("serve", help="serve the app on this machine, with its outbox and a clock to move")
    serving.add_argument("--port", type=int, default=8042, help="0 takes any that is free (default: 8042)")
    serving.add_argument("--folder", type=Path, help="where everything is kept (default: a temporary folder)")
    serving.set_defaults(run=lambda chosen: serve(open_site, chosen.port, chosen.folder, chosen.kept_in))
    for command in (touring, serving):
        command.add_argument(option, dest="kept_in", metavar="URL", help=kept)


def run(parser: ArgumentParser) -> int:
    """Run the command that was chosen; an error that ends it is one sentence and status 2."""
    chosen = parser.parse_args()
    try:
        return int(chosen.run(chosen))
    except (ConfigurationError, OSError, OverflowError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
