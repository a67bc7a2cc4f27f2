"""`flask magiclink …`: the operator's commands on the app's own links, within the app's context."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from flask import has_app_context
from magiclink import SIGN_IN, MagicLinks
from magiclink.stores.memory import MemoryStore
from tests.exchanges import ANN
from tests.flask.site import Shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.testing import Result

    from magiclink.records import Record, Selector


def run(shop: Shop, *arguments: str) -> Result:
    """Run a command as at a prompt."""
    return shop.app.test_cli_runner().invoke(args=["magiclink", *arguments])


def test_life_of_a_link() -> None:
    """An operator looks at a link, withdraws it, reads its history, and forgets it; no token is shown."""
    shop = Shop()
    link = shop.links.issue(SIGN_IN, subject="customer-7", recipient=ANN)
    shown = [run(shop, "inspect", link.link_id), run(shop, "revoke", link.link_id, "--reason", "phishing")]
    shown.append(run(shop, "history", "--subject", "customer-7"))
    shop.clock.tick(timedelta(days=400))
    shown.append(run(shop, "purge", "--keep-days", "366"))
    assert [result.exit_code for result in shown] == [0, 0, 0, 0]
    assert "subject: customer-7" in shown[0].output
    assert "phishing" in shown[1].output
    assert [line.split()[2] for line in shown[2].output.splitlines()] == ["issued", "revoked"]
    assert shown[3].output == "links forgotten: 3\n"
    assert all(link.token not in result.output for result in shown)


def test_unknown_link() -> None:
    """A link that isn't there is exit status 2 and one sentence."""
    result = run(Shop(), "inspect", "00" * 20)
    assert result.exit_code == 2
    assert result.output.count("\n") == 1


def test_other_links_than_the_apps() -> None:
    """Inside an app, `--links` names nothing: its own are meant."""
    result = run(Shop(), "--links", "os:path", "inspect", "00" * 20)
    assert result.exit_code == 2


@pytest.mark.parametrize("asked", ["--help", "inspect --help"])
def test_help(asked: str) -> None:
    """Help is the commands' own."""
    result = run(Shop(), *asked.split())
    assert (result.exit_code, "usage: magiclink" in result.output) == (0, True)


def test_listed_among_the_commands() -> None:
    """`flask --help` has a line for it."""
    assert "magiclink  Inspect, revoke and purge links" in Shop().app.test_cli_runner().invoke(args=["--help"]).output


def test_links_that_need_the_app() -> None:
    """A store or a stamp that asks the app's own database has the app's context."""
    contexts = []

    class Asking(MemoryStore):
        def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
            contexts.append(has_app_context())
            return []

    shop = Shop(is_mounted=False)
    flows = shop.links.flows
    shop.manager.links = MagicLinks(
        keys=flows._keys, store=Asking(), policies=[SIGN_IN], base_url="https://billing.example/l/"
    )
    shop.manager.init_app(shop.app)
    assert run(shop, "history", "--subject", "ann").exit_code == 0
    assert contexts == [True]
