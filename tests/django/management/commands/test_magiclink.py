"""`manage.py magiclink …`: the operator's commands on the site's own links, with their output and exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import connection

from magiclink import SIGN_IN, KeyRing
from magiclink.stores.memory import MemoryStore
from tests.django.desk import Desk

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[4]


def run(*arguments: str) -> str:
    """Run a command as other code of the site does, and return its output."""
    out = StringIO()
    call_command("magiclink", *arguments, stdout=out)
    return out.getvalue()


def run_refused(*arguments: str) -> tuple[int, str]:
    """Run a command that fails; return its exit status and its message."""
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return caught.value.returncode, str(caught.value)


def run_at_prompt(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as an operator does."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.django.settings"}
    command = [sys.executable, "-W", "error", "-m", "django", "magiclink", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def test_life_of_a_link(settings: Settings) -> None:
    """An operator looks at a link, withdraws it, reads its history, and forgets it; no token is shown."""
    desk = Desk(settings)
    link = desk.links.issue(SIGN_IN, subject="7")
    outputs = [run("inspect", link.link_id), run("revoke", link.link_id, "--reason", "phishing")]
    outputs.append(run("history", "--subject", "7"))
    desk.clock.tick(timedelta(days=400))
    outputs.append(run("purge", "--keep-days", "366"))
    assert "subject: 7\n" in outputs[0]
    assert outputs[1].endswith(": phishing\n")
    assert [line.split()[2] for line in outputs[2].splitlines()] == ["issued", "revoked"]
    assert outputs[3] == "links forgotten: 1\n"
    assert all(link.token not in each for each in outputs)


def test_unknown_link(settings: Settings) -> None:
    """A link that isn't there is exit status 2 and one sentence."""
    Desk(settings)
    assert run_refused("inspect", "00" * 20) == (2, "magiclink: the link is unknown: never made here, or purged")


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["inspect"], ["purge", "--keep-days", "soon"]])
def test_command_that_is_none(settings: Settings, arguments: list[str]) -> None:
    """An unknown command, or a wrong argument, is exit status 2, and the message shows the usage."""
    Desk(settings)
    status, why = run_refused(*arguments)
    assert (status, "usage: magiclink" in why) == (2, True)


def test_store_that_works(settings: Settings) -> None:
    """`check` says that the store answers."""
    Desk(settings)
    assert run("check") == "the store answers\n"


def test_store_that_does_not(settings: Settings) -> None:
    """`check` says what is wrong with the store, with exit status 2."""
    Desk(settings)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE magiclink_notes RENAME TO magiclink_notes_of_old")
    status, why = run_refused("check")
    assert (status, "magiclink_notes" in why, "run manage.py migrate" in why) == (2, True, True)


def test_site_without_settings(settings: Settings) -> None:
    """Without `MAGICLINK` a command says what is missing."""
    settings.MAGICLINK = None
    assert run_refused("history", "--subject", "7") == (
        2,
        'MAGICLINK: wanted a dict, it is missing: write MAGICLINK = {"LINKS": "billing.links.links"} in the settings',
    )


def test_key_before_the_settings(settings: Settings) -> None:
    """A key is made where there is no `MAGICLINK` yet, since it comes before."""
    settings.MAGICLINK = None
    key = run("keygen", "--id", "7").removesuffix("\n")
    assert KeyRing.from_text(key).signing.id == 7


def test_other_links_than_the_sites(settings: Settings) -> None:
    """Inside a site, `--links` names nothing: its own are meant."""
    Desk(settings, store=MemoryStore())
    status, why = run_refused("history", "--subject", "7", "--links", "os:path")
    assert (status, "unrecognized arguments" in why) == (2, True)


def test_exit_status() -> None:
    """At a prompt the output, the exit status and the sentence are those of the command."""
    made, failed = run_at_prompt("keygen", "--id", "7"), run_at_prompt("purge", "--keep-days", "1")
    assert (made.returncode, made.stderr) == (0, "")
    assert KeyRing.from_text(made.stdout.removesuffix("\n")).signing.id == 7
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("CommandError: magiclink: keep: a timedelta of at least 365 days")


def test_help() -> None:
    """`--help` tells of the commands, and each command of itself; both end well."""
    all_of_them, one = run_at_prompt("--help"), run_at_prompt("keygen", "--help")
    assert (all_of_them.returncode, one.returncode) == (0, 0)
    assert "check, keygen, inspect, history, revoke or purge" in " ".join(all_of_them.stdout.split())
    assert "usage: magiclink keygen" in one.stdout
    assert get_commands()["magiclink"] == "magiclink.django"
