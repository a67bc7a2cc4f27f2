"""`flask magiclink …`: the commands of `python -m magiclink` on the app's own links, within the app's context."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .. import cli

if TYPE_CHECKING:
    from flask import Flask

    from ..links import MagicLinks


def add_commands(app: Flask, links: MagicLinks) -> None:
    """Add `flask magiclink` to an app; what stands behind it is read by the commands themselves, `--help` too."""

    @app.cli.command("magiclink", context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> None:
        """Inspect, revoke and purge links; see their history."""
        sys.exit(cli.main(arguments, links=links))
