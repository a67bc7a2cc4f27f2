"""`python -m magiclink`: what an operator does at a prompt. It writes to standard output and nowhere else."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from . import __version__
from .crypto.keys import Key
from .errors import MagicLinkError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0, or 2 with a sentence for what can't be done."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        print(chosen.run(chosen))  # noqa: T201
    except MagicLinkError as error:
        parser.error(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="magiclink", description="Magic links for an app's operator.")
    parser.add_argument("--version", action="version", version=f"magiclink {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    keygen = commands.add_parser("keygen", help="make a key, as one line of text for the app's environment")
    keygen.add_argument("--id", type=int, default=1, help="names the key in what it signs; 0 to 255, one of its own a key")
    keygen.set_defaults(run=_keygen)
    return parser


def _keygen(chosen: argparse.Namespace) -> str:
    return Key.generate(id=chosen.id).to_text()
