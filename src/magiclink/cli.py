"""The operator's commands: `python -m magiclink`, and the same inside a framework's own command.

`keygen` needs nothing. The others act on the app's MagicLinks: `--links billing.links:links` names it, and a framework
that knows it hands it over. Output goes to standard output, and never holds a token.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from . import __version__
from .crypto.keys import Key
from .errors import ConfigurationError, MagicLinkError, describe_type
from .links import MagicLinks


def main(arguments: Sequence[str] | None = None, *, links: MagicLinks | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 with a sentence on standard error for what can't be done."""
    parser = _build_parser(links)
    options = parser.parse_args(arguments)
    try:
        for line in options.run(options):
            print(line)  # noqa: T201
    # OverflowError is for days beyond what a timedelta holds.
    except (MagicLinkError, OverflowError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return 0


def _build_parser(links: MagicLinks | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="magiclink", description="Commands for the operator of an app's magic links.")
    parser.add_argument("--version", action="version", version=f"magiclink {__version__}")
    if links is None:
        parser.add_argument("--links", type=_import, metavar="package.module:name", help="the app's MagicLinks")
    else:
        parser.set_defaults(links=links)
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser("keygen", help="make a key, as one line for the app's environment")
    command.add_argument("--id", type=int, default=1, help="the key's id, 0 to 255: another for each key of a ring")
    command.set_defaults(run=_keygen)
    command = commands.add_parser("inspect", help="show all that is known of a link")
    command.add_argument("link_id")
    command.set_defaults(run=_inspect)
    command = commands.add_parser("history", help="show what happened to the links of a subject or resource")
    command.add_argument("--subject")
    command.add_argument("--resource")
    command.set_defaults(run=_history)
    command = commands.add_parser("revoke", help="withdraw a link, and close what it opened")
    command.add_argument("link_id")
    command.add_argument("--reason", default="")
    command.set_defaults(run=_revoke)
    command = commands.add_parser("purge", help="forget links that expired long ago")
    command.add_argument("--keep-days", type=int, required=True, help="how long expired links are kept")
    command.set_defaults(run=_purge)
    return parser


def _import(path: str) -> object:
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise argparse.ArgumentTypeError(f"wanted package.module:name, got {_escape(path)!r:.80}")
    # An app is started from its own folder, which `python -m` has on the path and a console script hasn't.
    sys.path.insert(0, "")
    try:
        return getattr(import_module(module), name)
    except Exception as error:  # noqa: BLE001  # it is the app that is imported
        # The error's message may hold a key of the environment.
        fault = f"can't import {_escape(path)}: {type(error).__name__}"
        raise argparse.ArgumentTypeError(f"{fault}; wanted package.module:name") from None


def _require_links(options: argparse.Namespace) -> MagicLinks:
    if not isinstance(options.links, MagicLinks):
        wanted = "--links package.module:name of the app's MagicLinks"
        raise ConfigurationError(f"wanted {wanted}, got {describe_type(options.links)}")
    return options.links


def _keygen(options: argparse.Namespace) -> Iterable[str]:
    return [Key.generate(id=options.id).to_text()]


def _inspect(options: argparse.Namespace) -> Iterable[str]:
    link = _require_links(options).inspect(options.link_id)
    return [f"{name}: {_escape(getattr(link, name))}" for name in link.__slots__]


def _history(options: argparse.Namespace) -> Iterable[str]:
    events = _require_links(options).history(subject=options.subject, resource=options.resource)
    return [f"{event.at:%Y-%m-%d %H:%M:%S} {event.kind} {event.link_id} {_escape(event.reason)}" for event in events]


def _revoke(options: argparse.Namespace) -> Iterable[str]:
    link = _require_links(options).revoke(options.link_id, reason=options.reason)
    return [f"{link.link_id} revoked at {link.revoked_at}: {_escape(link.revoke_reason)}"]


def _purge(options: argparse.Namespace) -> Iterable[str]:
    return [f"links forgotten: {_require_links(options).purge(keep=timedelta(days=options.keep_days))}"]


def _escape(value: Any) -> str:
    """Return a text of the app's without the controls by which it could write on an operator's terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(value))
