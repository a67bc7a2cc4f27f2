"""The operator's commands: what they print, what they refuse, and what never stands in their output."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import INVOICE, SIGN_IN, KeyRing, Link
from magiclink.cli import main
from tests.exchanges import ANN
from tests.stage import Stage

if TYPE_CHECKING:
    from pathlib import Path

ESCAPES = "paid\x1b[2J\x07\r\nrevoked at never\u202e\u2028\x9b31m\ud800"
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]")


ASYNCHRONOUS = """
from magiclink import SIGN_IN, Key, KeyRing
from magiclink.aio import AsyncMagicLinks
from magiclink.stores.memory import MemoryStore

ring = KeyRing(signing=Key.generate())
links = AsyncMagicLinks(keys=ring, store=MemoryStore(), policies=[SIGN_IN], base_url="https://billing.example/l/")
"""


class Prompt:
    """An operator at a prompt, with an app's links."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.stage = Stage()
        self.link: Link = self.stage.links.issue(SIGN_IN, subject="customer-7", recipient=ANN, destination="/invoices")
        self._capsys = capsys

    def run(self, *arguments: str) -> str:
        """Run a command that works, and give what it printed."""
        assert main(arguments, links=self.stage.links) == 0
        printed = self._capsys.readouterr()
        assert printed.err == ""
        return printed.out

    def refused(self, *arguments: str, with_links: bool = True) -> str:
        """Run a command that can't be done, and give its sentence."""
        with pytest.raises(SystemExit) as ended:
            main(arguments, links=self.stage.links if with_links else None)
        assert ended.value.code == 2
        printed = self._capsys.readouterr()
        assert printed.out == ""
        return printed.err.splitlines()[-1]


@pytest.fixture
def prompt(capsys: pytest.CaptureFixture[str]) -> Prompt:
    """Sit down at a prompt."""
    return Prompt(capsys)


def test_keygen(prompt: Prompt) -> None:
    """A key is one line, and every one is another."""
    first, second = prompt.run("keygen"), prompt.run("keygen", "--id", "255")
    assert KeyRing.from_text(first.removesuffix("\n")).signing.id == 1
    assert KeyRing.from_text(second.removesuffix("\n")).signing.id == 255


@pytest.mark.parametrize("number", ["-1", "256", "x", "1.5", "1" * 5_000])
def test_key_of_no_such_id(prompt: Prompt, number: str) -> None:
    """An id beyond 0 to 255 is refused."""
    assert prompt.refused("keygen", "--id", number).startswith("magiclink")


def test_inspect(prompt: Prompt) -> None:
    """It tells all that is known of a link, a line each, and neither its token nor whom it was mailed to."""
    output = prompt.run("inspect", prompt.link.link_id)
    assert "subject: customer-7\n" in output
    assert "state: outstanding\n" in output
    assert prompt.link.token not in output
    assert "acme" not in output


def test_history(prompt: Prompt) -> None:
    """It tells what happened, oldest first, a line each."""
    prompt.stage.clock.tick(timedelta(minutes=1))
    prompt.stage.links.redeem(prompt.link.token, SIGN_IN)
    assert prompt.run("history", "--subject", "customer-7").splitlines() == [
        f"2026-01-05 09:00:00 issued {prompt.link.link_id} ",
        f"2026-01-05 09:01:00 redeemed {prompt.link.link_id} ",
    ]
    assert "issued" in prompt.run("history", "--resource", "invoice:1001")
    assert prompt.run("history", "--resource", "invoice:1") == ""


def test_revoke(prompt: Prompt) -> None:
    """A link is withdrawn with a reason; a second time changes neither instant nor reason."""
    output = prompt.run("revoke", prompt.link.link_id, "--reason", "paid")
    prompt.stage.clock.tick(timedelta(minutes=1))
    assert prompt.run("revoke", prompt.link.link_id) == output
    assert output == f"{prompt.link.link_id} revoked at 2026-01-05 09:00:00+00:00: paid\n"
    assert prompt.stage.links.inspect(prompt.link.link_id).state == "revoked"


def test_purge(prompt: Prompt) -> None:
    """What expired longer ago is forgotten, and the number of them is printed."""
    assert prompt.run("purge", "--keep-days", "365") == "links forgotten: 0\n"
    prompt.stage.clock.tick(timedelta(days=366))
    assert prompt.run("purge", "--keep-days", "365") == "links forgotten: 2\n"
    assert prompt.run("history", "--subject", "customer-7") == ""


@pytest.mark.parametrize("days", ["0", "-1", "364", "x", "1.5", "9" * 12, "9" * 30, "9" * 5_000])
def test_purge_of_too_much(prompt: Prompt, days: str) -> None:
    """Days that would end what is open, or that no span holds, are refused and nothing is forgotten."""
    prompt.stage.clock.tick(timedelta(days=400))
    assert prompt.refused("purge", f"--keep-days={days}").startswith("magiclink")
    assert prompt.stage.links.inspect(prompt.link.link_id).state == "expired"


@pytest.mark.parametrize("command", ["inspect", "revoke"])
@pytest.mark.parametrize("link_id", ["00" * 20, "", "x", "0" * 10_000, "\x1b[2J"])
def test_unknown_link(prompt: Prompt, command: str, link_id: str) -> None:
    """A link that isn't known is refused in a sentence that doesn't repeat what was typed."""
    output = prompt.refused(command, link_id)
    assert output.startswith("magiclink: ")
    assert CONTROLS.search(output) is None
    assert len(output) < 200


@pytest.mark.parametrize("command", ["inspect", "revoke"])
def test_token_in_place_of_its_id(prompt: Prompt, command: str) -> None:
    """Who pastes a token gets a refusal that doesn't show it."""
    assert prompt.link.token not in prompt.refused(command, prompt.link.token)


@pytest.mark.parametrize("arguments", [(), ("dance",), ("inspect",), ("history",), ("purge",), ("inspect", "a", "b")])
def test_half_a_command(prompt: Prompt, arguments: tuple[str, ...]) -> None:
    """What isn't a whole command is refused."""
    assert prompt.refused(*arguments).startswith("magiclink")


def test_escapes_in_the_output(prompt: Prompt) -> None:
    """M06: the app's own texts can't move an operator's cursor, colour his terminal or add a line of their own."""
    link = prompt.stage.links.issue(INVOICE, subject="s\x1b[31m\n", resource="r\u202e\x9b", recipient=ANN)
    prompt.stage.links.revoke(link.link_id, reason=ESCAPES.replace("\ud800", ""))
    shown = [
        prompt.run("inspect", link.link_id),
        prompt.run("history", "--subject", "s\x1b[31m\n"),
        prompt.run("revoke", link.link_id),
    ]
    assert all(CONTROLS.search(text) is None for text in shown)
    assert "s\\x1b[31m\\n" in shown[0]
    assert [text.count("\n") for text in shown[1:]] == [2, 1]


@pytest.mark.parametrize("path", ["no.such.module:links", "os:nothing", "\x1b[2J:x", "..:x"])
def test_links_that_are_not_there(prompt: Prompt, path: str) -> None:
    """A module or name that isn't there is refused in one sentence without controls."""
    output = prompt.refused("--links", path, "inspect", "00" * 20, with_links=False)
    assert "can't import" in output
    assert output.endswith("wanted package.module:name")
    assert CONTROLS.search(output) is None


@pytest.mark.parametrize("path", ["", ":", "billing.links", "os:", ":links", "\x1b[2J", "x" * 10_000])
def test_links_without_a_name(prompt: Prompt, path: str) -> None:
    """What isn't a module, a colon and a name is refused with the form that is wanted, cut and without controls."""
    output = prompt.refused("--links", path, "inspect", "00" * 20, with_links=False)
    assert "wanted package.module:name, got '" in output
    assert CONTROLS.search(output) is None
    assert len(output) < 200


def test_links_that_are_something_else(prompt: Prompt) -> None:
    """What is no MagicLinks, and nothing at all, is refused."""
    for given, kind in ((("--links", "os:path"), "a module"), ((), "None")):
        output = prompt.refused(*given, "inspect", "00" * 20, with_links=False)
        assert output == f"magiclink: wanted --links package.module:name of the app's MagicLinks, got {kind}"


def test_asynchronous_links(prompt: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AsyncMagicLinks are refused: an operator's commands wait for nothing."""
    (tmp_path / "awaited.py").write_text(ASYNCHRONOUS)
    monkeypatch.syspath_prepend(tmp_path)
    output = prompt.refused("--links", "awaited:links", "inspect", "00" * 20, with_links=False)
    assert output.endswith("got an AsyncMagicLinks")
