"""A reminder from the support desk: to whom it goes, and who gets none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from magiclink import INVOICE, BadArgumentError, ConfigurationError, InvalidLinkError, Link, ReissueRefusedError
from magiclink import UnavailableError as Unavailable
from magiclink.links import run
from magiclink.web import Account
from tests.web.conftest import ANN, BOB, Site


def refused(site: Site, link: Link) -> str:
    """Remind of a link for which there is no reminder; give the reason."""
    with pytest.raises(ReissueRefusedError) as caught:
        run(site.conversation.remind(link.link_id))
    assert len(site.outbox) == 0
    return caught.value.reason


def test_reminder_that_goes_nowhere(site: Site) -> None:
    """S3: a fresh link of the same invoice goes to the spelling on file, and the old one ends once it is mailed."""
    site.accounts.known["ann"] = Account(subject="ann", addresses=("second@acme.example", "Ann@acme.example"))
    link = site.invoice()
    site.tick(days=20)
    fresh = run(site.conversation.remind(link.link_id))
    assert site.outbox.last.to == "Ann@acme.example"
    assert site.outbox.last.url == fresh.url
    assert site.links.redeem(fresh.token, INVOICE).destination == "/invoices/1001"
    assert [info.state.value for info in site.links.find(subject="ann")] == ["outstanding", "superseded"]


def test_address_that_changed(site: Site) -> None:
    """S4: an address that isn't on file any more gets nothing, and neither does the new one."""
    link = site.invoice()
    site.accounts.known["ann"] = Account(subject="ann", addresses=(BOB,))
    site.tick(days=1)
    assert refused(site, link) == "recipient"


def test_link_without_recipient(site: Site) -> None:
    """A link that was mailed to nobody has nobody to be reminded."""
    link = site.links.issue(INVOICE, subject="ann", resource="invoice:1001")
    site.tick(days=1)
    assert refused(site, link) == "recipient"


def test_nobody(site: Site) -> None:
    """J27: who may not sign in, or is gone, isn't reminded."""
    link = site.invoice()
    site.tick(days=1)
    site.accounts.known["ann"] = Account(subject="ann", addresses=(ANN,), active=False)
    assert refused(site, link) == "account"
    del site.accounts.known["ann"]
    assert refused(site, link) == "account"


def test_budget(site: Site) -> None:
    """The policy's own interval holds for the desk too."""
    assert refused(site, site.invoice()) == "too_soon"


def test_unknown_link(site: Site) -> None:
    """A link id that nobody knows is refused as everywhere."""
    with pytest.raises(InvalidLinkError):
        run(site.conversation.remind("00" * 20))


def test_policy_that_is_gone(site: Site) -> None:
    """A link whose policy the app has no more isn't reminded of."""
    other = replace(INVOICE, purpose="offer")
    before = Site(INVOICE, other, store=site.store.store, settings={"clock": site.clock})
    link = before.links.issue(other, subject="ann", resource="offer:1", recipient=ANN)
    with pytest.raises(BadArgumentError):
        run(site.conversation.remind(link.link_id))


def test_mail_that_is_not_taken() -> None:
    """A mail that isn't taken ends no link: the old one works, and the desk is told."""

    class Broken:
        def send(self, message: object) -> None:
            raise Unavailable("the mail server is down")

    site = Site(mailer=Broken())
    link = site.invoice()
    site.tick(days=1)
    with pytest.raises(Unavailable):
        run(site.conversation.remind(link.link_id))
    assert site.links.inspect(link.link_id).state.value == "outstanding"


def test_site_without_directory() -> None:
    """Where there is no directory, there is nobody to ask for an address."""
    site = Site(directory=None)
    with pytest.raises(ConfigurationError, match="directory"):
        run(site.conversation.remind(site.invoice().link_id))
