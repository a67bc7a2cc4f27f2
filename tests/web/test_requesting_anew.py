"""A fresh link in place of one that has ended: to the address on file that the old one went to, or to nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from magiclink import CONFIRM_EMAIL, INVOICE, SIGN_IN, UnavailableError
from magiclink.links import run
from magiclink.web import Account, Job, Task
from tests.web.conftest import ANN, BOB, ORIGIN, Site, form_of, shape, told

if TYPE_CHECKING:
    from magiclink import Link
    from magiclink.web import Reply
    from tests.web.conftest import Visitor


def ended(site: Site, link: Link) -> tuple[Visitor, Reply]:
    """A browser at the page of a link that has expired."""
    site.clock.set(link.expires_at)
    visitor = site.visitor()
    return visitor, visitor.click(link)


def renew(site: Site, link: Link) -> None:
    """Run the job of a wish for a fresh link."""
    run(site.conversation.run(Job(task=Task.RENEW, source=None, link_id=link.link_id)))


def test_fresh_link(site: Site) -> None:
    """S5: one button on the page of an expired link mails a fresh one, which opens the same document."""
    visitor, page = ended(site, site.invoice())
    assert told(visitor.press(page)) == "200 sent"
    assert site.outbox.last.to == ANN
    reply = visitor.get(site.outbox.last.url.removeprefix(f"{ORIGIN}/l/"))
    assert told(reply) == "303 /invoices/1001"


def test_asked_from_elsewhere(site: Site) -> None:
    """G09, G34: another site's POST mails nothing; a form of another page shows the page anew."""
    visitor, page = ended(site, site.invoice())
    form = form_of(page)
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        reply = visitor.ask("POST", "new", form=form, headers=headers)
        assert (told(reply), reply.after) == ("403 elsewhere", None)
    assert told(visitor.ask("POST", "new", form={})) == "303 /l/"
    assert told(visitor.ask("POST", "new", form={}, headers={})) == "403 elsewhere"
    assert len(site.outbox) == 0
    assert told(visitor.ask("POST", "new", form=form, headers={})) == "200 sent"
    assert len(site.outbox) == 1


def test_no_link_waits(site: Site) -> None:
    """Without the cookie of a click there is nothing to renew: 400, and no job."""
    reply = site.visitor().ask("POST", "new")
    assert (told(reply), reply.after) == ("400 no-cookie", None)


def test_not_while_it_works(site: Site) -> None:
    """A link that still works is not renewed: the same answer, and no mail."""
    visitor = site.visitor()
    page = visitor.click(site.sign_in())
    reply = visitor.ask("POST", "new", form=form_of(page))
    assert told(reply) == "200 sent"
    assert len(site.outbox) == 0


def test_the_same_answer_for_all(site: Site) -> None:
    """K09: whether a mail goes out or not, the answer is the same to the header."""
    answers = []
    for subject in ("ann", "bob"):
        visitor, page = ended(site, site.invoice(f"{subject}@acme.example"))
        site.accounts.known.pop("bob", None)
        answers.append(shape(visitor.press(page))[:4])
    assert answers[0] == answers[1]
    assert len(site.outbox) == 1


def test_address_no_longer_on_file(site: Site) -> None:
    """Where the address that was mailed isn't on file any more the link is dead: no mail, to that one or the new."""
    link = site.invoice()
    site.clock.set(link.expires_at)
    site.accounts.known["ann"] = Account(subject="ann", addresses=("ann@new.example",))
    renew(site, link)
    assert len(site.outbox) == 0


def test_address_among_several(site: Site) -> None:
    """Of the addresses on file it's the one that the link went to, in its stored spelling."""
    link = site.invoice()
    site.clock.set(link.expires_at)
    addresses = ("n/a", "chief@acme.example", "Ann@ACME.example")
    site.accounts.known["ann"] = Account(subject="ann", addresses=addresses)
    renew(site, link)
    assert site.outbox.last.to == "Ann@acme.example"


@pytest.mark.parametrize("account", [None, Account(subject="ann", addresses=(ANN,), active=False)])
def test_account_gone_or_inactive(site: Site, account: Account | None) -> None:
    """J27: an account that is gone, or isn't active, gets no fresh link."""
    link = site.invoice()
    site.clock.set(link.expires_at)
    site.accounts.known = {} if account is None else {"ann": account}
    renew(site, link)
    assert len(site.outbox) == 0


def test_other_contacts_link_stays(site: Site) -> None:
    """A fresh link for one contact ends nothing of another contact's, and goes to the one who asked."""
    anns = site.invoice()
    site.tick(hours=1)
    bobs = site.invoice(BOB)
    site.clock.set(anns.expires_at)
    renew(site, anns)
    assert [mail.to for mail in site.outbox.messages] == [ANN]
    assert told(site.visitor().get(bobs.token)) == "303 /invoices/1001"


@pytest.mark.parametrize("reason", ["revoked", "policy", "unknown", "account", "too_soon", "series_ended"])
def test_refused_silently(reason: str) -> None:
    """What is refused ends without a word, an error or a mail."""
    stamps = {"ann": "first"}
    policy = replace(SIGN_IN, renew_on_request=False) if reason == "policy" else SIGN_IN
    site = Site(INVOICE, policy, sign_in=policy, settings={"security_stamp": stamps.get})
    link = site.sign_in(policy=policy)
    site.clock.set(link.expires_at)
    if reason == "revoked":
        site.links.revoke(link.link_id)
    elif reason == "unknown":
        site.store.store.__dict__["_records"].clear()
    elif reason == "account":
        stamps["ann"] = "second"
    elif reason == "too_soon":
        renew(site, link)
        site.outbox.clear()
    elif reason == "series_ended":
        site.tick(hours=1)
    renew(site, link)
    assert len(site.outbox) == 0


def test_budget_of_the_policy(site: Site) -> None:
    """L04: beside the limits of an hour stands the policy's own budget: twelve fresh links, and no more."""
    link = site.invoice()
    site.clock.set(link.expires_at)
    for _ in range(20):
        renew(site, link)
        site.tick(hours=1)
    assert len(site.outbox) == INVOICE.reissue_limit == 12


def test_mail_not_taken() -> None:
    """A mail that the server refused: the error is told, the fresh link isn't marked, and what works stays."""

    class Broken:
        def send(self, message: object) -> None:
            raise UnavailableError("the mail server is down")

    site = Site(mailer=Broken())
    link = site.invoice()
    site.clock.set(link.expires_at)
    with pytest.raises(UnavailableError):
        renew(site, link)
    fresh, old = site.links.find(subject="ann")
    assert (fresh.origin, fresh.delivered_at, old.superseded_at) == ("renew", None, None)


def test_delivered_fresh_link_replaces_the_one_that_was_presented(site: Site) -> None:
    """The link that was presented is told as replaced once its successor was mailed."""
    link = site.invoice()
    site.clock.set(link.expires_at)
    renew(site, link)
    assert told(site.visitor().click(link)) == "410 superseded"


def test_used_link_is_renewed() -> None:
    """A link that was used up may be asked for anew: the fresh one goes to the same mailbox, and is no session."""
    site = Site(CONFIRM_EMAIL)
    link = site.links.issue(CONFIRM_EMAIL, subject="ann", resource="email:1", recipient=ANN)
    used, late = site.visitor(), site.visitor()
    page = late.click(link)
    used.press(used.click(link))
    ended_page = late.press(page)
    assert told(ended_page) == "410 used"
    reply = late.press(ended_page)
    assert (told(reply), reply.sign_in, late.opened("email:1", CONFIRM_EMAIL)) == ("200 sent", None, False)
    assert site.outbox.last.to == ANN


def test_presented_page_of_another_person(site: Site) -> None:
    """The form of an ended link's page is bound to who was signed in, as every form is."""
    visitor, page = ended(site, site.invoice())
    visitor.signed_in_as = "bob"
    assert told(visitor.press(page)) == "303 /l/"
    assert len(site.outbox) == 0
