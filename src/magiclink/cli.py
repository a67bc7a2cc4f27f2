"""What an operator does at a prompt: `python -m magiclink`, and the same commands inside a framework's own.

`keygen` needs nothing. The others act on the app's MagicLinks: `--links billing.links:links` names it, and a framework
that knows it hands it over. It writes to standard output, and never a token.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import __version__
from .crypto.keys import Key
from .errors import ConfigurationError, MagicLinkError
from .links import MagicLinks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def main(arguments: Sequence[str] | None = None, *, links: MagicLinks | None = None) -> int:
    """Run one command and give its exit status: 0, or 2 with a sentence on standard error for what can't be done."""
    parser = _parser(links)
    chosen = parser.parse_args(arguments)
    try:
        for line in chosen.run(chosen):
            print(line)  # noqa: T201
    # The latter for days beyond what a timedelta holds.
    except (MagicLinkError, OverflowError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return 0


def _parser(links: MagicLinks | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="magiclink", description="Magic links, for an app's operator.")
    parser.add_argument("--version", action="version", version=f"magiclink {__version__}")
    if links is None:
        parser.add_argument("--links", type=_imported, metavar="package.module:name", help="the app's MagicLinks")
    else:
        parser.set_defaults(links=links)
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser("keygen", help="make a key, as one line for the app's environment")
    command.add_argument("--id", type=int, default=1, help="names the key in what it signs: 0 to 255, each its own")
    command.set_defaults(run=_keygen)
    command = commands.add_parser("inspect", help="tell all that is known of a link")
    command.add_argument("link_id")
    command.set_defaults(run=_inspect)
    command = commands.add_parser("history", help="tell what happened to the links of a subject or resource")
    command.add_argument("--subject")
    command.add_argument("--resource")
    command.set_defaults(run=_history)
    command = commands.add_parser("revoke", help="withdraw a link; what it opened closes")
    command.add_argument("link_id")
    command.add_argument("--reason", default="")
    command.set_defaults(run=_revoke)
    command = commands.add_parser("purge", help="forget links that expired long ago")
    command.add_argument("--keep-days", type=int, required=True, help="how long expired links are kept")
    command.set_defaults(run=_purge)
    return parser


def _imported(path: str) -> object:
    module, _, name = path.partition(":")
    # An app is started from its own folder, which `python -m` has on the path and a console script hasn't.
    sys.path.insert(0, "")
    try:
        return getattr(import_module(module), name)
    except Exception as error:  # noqa: BLE001  # it is the app that is imported
        # Its message may hold a key of the environment.
        raise argparse.ArgumentTypeError(f"can't import {_shown(path)}: {type(error).__name__}") from None


def _links(chosen: argparse.Namespace) -> MagicLinks:
    if not isinstance(chosen.links, MagicLinks):
        raise ConfigurationError("this command needs --links package.module:name of a MagicLinks")
    return chosen.links


def _keygen(chosen: argparse.Namespace) -> Iterable[str]:
    return [Key.generate(id=chosen.id).to_text()]


def _inspect(chosen: argparse.Namespace) -> Iterable[str]:
    link = _links(chosen).inspect(chosen.link_id)
    return [f"{name}: {_shown(getattr(link, name))}" for name in link.__slots__]


def _history(chosen: argparse.Namespace) -> Iterable[str]:
    events = _links(chosen).history(subject=chosen.subject, resource=chosen.resource)
    return [f"{event.at:%Y-%m-%d %H:%M:%S} {event.kind} {event.link_id} {_shown(event.reason)}" for event in events]


def _revoke(chosen: argparse.Namespace) -> Iterable[str]:
    link = _links(chosen).revoke(chosen.link_id, reason=chosen.reason)
    return [f"{link.link_id} revoked at {link.revoked_at}: {_shown(link.revoke_reason)}"]


def _purge(chosen: argparse.Namespace) -> Iterable[str]:
    return [f"links forgotten: {_links(chosen).purge(keep=timedelta(days=chosen.keep_days))}"]


def _shown(value: Any) -> str:
    """Show a text of the app's without the controls by which it could write on an operator's terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(value))
