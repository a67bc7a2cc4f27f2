"""The support desk: what staff see of links, and what they may do."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.html import escape

from magiclink import CLIENT_PORTAL, INVOICE, SIGN_IN, Link
from magiclink.django import admin
from magiclink.django.models import Link as Row
from magiclink.stores.memory import MemoryStore
from tests.django.desk import LIST, Desk, browser, customer, listed, page

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

CLERK = ("view_link", "change_link")


@pytest.fixture
def desk(settings: Settings) -> Desk:
    """Return a site whose links are in its database."""
    return Desk(settings)


def row(link: Link) -> Row:
    """Return a link's row."""
    return Row.objects.get(id__endswith=link.link_id)


def detail(client: Client, link: Link) -> str:
    """Look at one link."""
    return page(client, f"{LIST}{row(link).pk}/change/")


def act(client: Client, action: str, *links: Link, **form: Any) -> str:
    """Do something with links; give the page that it leads to."""
    keys = [row(link).pk for link in links]
    form = {"action": action, ACTION_CHECKBOX_NAME: keys, **form}
    response = client.post(LIST, form, secure=True, follow=True, headers={"Host": "billing.example"})
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def states(desk: Desk, *links: Link) -> list[str]:
    """Return the states of links."""
    return [desk.links.inspect(link.link_id).state.value for link in links]


def test_list(desk: Desk) -> None:
    """The list tells what, for whom, how it stands, and when; and nothing by which a link could be opened."""
    ann = customer()
    link = desk.invoice(ann)
    desk.links.mark_delivered(link.link_id)
    with timezone.override(UTC):
        html = page(browser("view_link"), LIST)
    assert listed(html) == [link.link_id]
    for told in ("invoice", "invoice:1001", "outstanding", f"{desk.clock.now():%Y-%m-%d %H:%M:%S} UTC", str(ann.pk)):
        assert told in html
    assert link.token not in html
    assert "/l/" not in html


def test_detail(desk: Desk) -> None:
    """The page of a link tells all that is known of it, and what happened to it; no digest, no address, no token."""
    ann = customer()
    first, link = desk.invoice(ann, 1000), desk.invoice(ann, destination="/invoices/1001")
    desk.links.mark_delivered(link.link_id)
    desk.clock.tick(timedelta(minutes=1))
    desk.links.verify(link.token, INVOICE)
    desk.links.revoke(link.link_id, reason="wrong amount")
    html = detail(browser("view_link"), link)
    events = re.findall(r"<tr><td>([^<]+)</td><td>([^<]+)</td><td>([^<]*)</td></tr>", html)
    assert [(what, why) for _, what, why in events] == [
        ("issued", ""),
        ("delivered", ""),
        ("verified", ""),
        ("revoked", "wrong amount"),
    ]
    assert "/invoices/1001" in html
    kept = Row.objects.get(id__endswith=link.link_id)
    for secret in (link.token, first.link_id, kept.recipient, kept.series, ann.email):
        assert secret not in html


@pytest.mark.parametrize("text", ['<script>alert("x")</script>', "\"'><img src=x onerror=alert(1)>", "</form><b>"])
def test_hostile_text(desk: Desk, text: str) -> None:
    """J30: whatever an app names its subjects, resources and reasons, a page shows it as text."""
    client = browser(*CLERK)
    link = desk.links.issue(INVOICE, subject=text, resource=text)
    asked = act(client, "revoke", link)
    desk.links.revoke(link.link_id, reason=text)
    found = page(client, LIST, q=text)
    for html in (page(client, LIST), found, detail(client, link), asked):
        assert (text in html, escape(text) in html) == (False, True)
    assert listed(found) == [link.link_id]


def test_inline_script_or_style(desk: Desk) -> None:
    """Our pages hold no script or style of their own, so that a strict Content-Security-Policy lets them be."""
    client = browser(*CLERK)
    link = desk.invoice(customer())
    for html in (detail(client, link), act(client, "revoke", link)):
        ours = html[html.index('id="content"') :]
        scripts = re.findall(r"<script(?![^>]* src=)", ours)
        assert (scripts, "style=" in ours, "<style" in ours, "onclick" in ours) == ([], False, False, False)


def test_staff_without_permission(desk: Desk) -> None:
    """Staff who may not view links see none, and can't do anything to them."""
    link = desk.invoice(customer())
    client = browser()
    for url in (LIST, f"{LIST}{row(link).pk}/change/"):
        assert client.get(url, secure=True, headers={"Host": "billing.example"}).status_code == 403
    form = {"action": "revoke", ACTION_CHECKBOX_NAME: [row(link).pk], "reason": ""}
    assert client.post(LIST, form, secure=True, headers={"Host": "billing.example"}).status_code == 403
    assert states(desk, link) == ["outstanding"]


def test_staff_who_may_only_look(desk: Desk) -> None:
    """Staff who may view but not change links are offered no action, and none is done."""
    link = desk.invoice(customer())
    desk.clock.tick(timedelta(days=1))
    client = browser("view_link")
    assert 'value="revoke"' not in page(client, LIST) + detail(client, link)
    act(client, "revoke", link, reason="")
    act(client, "remind", link)
    assert states(desk, link) == ["outstanding"]
    assert len(desk.outbox) == 0


def test_record_that_is_written_into(desk: Desk) -> None:
    """Nobody adds, changes or deletes a record, not even a superuser."""
    link = desk.invoice(customer())
    User.objects.create_superuser("root")
    client = browser()
    client.force_login(User.objects.get(username="root"), "django.contrib.auth.backends.ModelBackend")
    key = row(link).pk
    before = Row.objects.filter(pk=key).values().get()
    for path in ("add/", f"{key}/change/", f"{key}/delete/"):
        answer = client.post(LIST + path, {"purpose": "sign-in"}, secure=True, headers={"Host": "billing.example"})
        assert answer.status_code == 403
    act(client, "delete_selected", link, post="yes")
    assert Row.objects.filter(pk=key).values().get() == before
    assert "delete_selected" not in page(client, LIST)


def test_revocation_that_is_not_confirmed(desk: Desk) -> None:
    """Revoking asks first, and shows what it is about."""
    link = desk.invoice(customer())
    html = act(browser(*CLERK), "revoke", link)
    assert "These links will never work again" in html
    assert link.link_id in html
    assert states(desk, link) == ["outstanding"]


def test_revocation(desk: Desk) -> None:
    """A confirmed revocation ends the links that were chosen, with its reason, and is in the admin's own log."""
    ann = customer()
    links = [desk.invoice(ann, number) for number in (1, 2, 3)]
    html = act(browser(*CLERK), "revoke", *links[:2], reason=" phishing ")
    assert "2 links were revoked." in html
    assert states(desk, *links) == ["revoked", "revoked", "outstanding"]
    assert desk.links.inspect(links[0].link_id).revoke_reason == "phishing"
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {link.link_id for link in links[:2]}


def test_revocation_from_the_page_of_a_link(desk: Desk) -> None:
    """The page of a link has the desk's actions, which lead to the same question."""
    link = desk.invoice(customer())
    html = detail(browser(*CLERK), link)
    form = html[html.index('id="magiclink-actions"') :]
    assert re.findall(r'name="action" value="(\w+)"', form) == ["revoke", "remind"]
    assert f'name="{ACTION_CHECKBOX_NAME}" value="{row(link).pk}"' in form


def test_reason_too_long(desk: Desk) -> None:
    """What `revoke` refuses is told, and nothing is done."""
    link = desk.invoice(customer())
    html = act(browser(*CLERK), "revoke", link, reason="x" * 256)
    assert "reason: a str of at most 255 characters" in html
    assert states(desk, link) == ["outstanding"]
    assert not LogEntry.objects.exists()


def test_reminder(desk: Desk) -> None:
    """A reminder mails a fresh link to the address on file, and ends the old one once it's delivered."""
    ann = customer(email="Ann@acme.example")
    link = desk.invoice(ann)
    desk.clock.tick(timedelta(days=20))
    html = act(browser(*CLERK), "remind", link)
    assert "1 fresh link was mailed." in html
    assert desk.outbox.last.to == "Ann@acme.example"
    assert states(desk, link) == ["superseded"]
    assert desk.outbox.last.url.rpartition("/")[2] not in html
    assert [entry.object_repr for entry in LogEntry.objects.all()] == [link.link_id]


def test_reminder_to_another_address(desk: Desk) -> None:
    """An address that isn't on file any more gets nothing, nor does the new one: the link was another mailbox's."""
    ann = customer()
    link = desk.invoice(ann)
    desk.clock.tick(timedelta(days=1))
    User.objects.filter(pk=ann.pk).update(email="new@acme.example")
    assert "(recipient)" in act(browser(*CLERK), "remind", link)
    assert (len(desk.outbox), Row.objects.count()) == (0, 1)


def test_reminder_that_the_policy_refuses(desk: Desk) -> None:
    """What the policy refuses is told link by link, and the others are reminded of."""
    ann, bob = customer(), customer("bob", "bob@acme.example")
    soon, sign_in = desk.invoice(ann), desk.links.issue(SIGN_IN, subject=str(ann.pk), recipient=ann.email)
    fine = desk.invoice(bob)
    desk.clock.tick(timedelta(minutes=6))
    client = browser(*CLERK)
    act(client, "remind", soon)
    html = act(client, "remind", soon, sign_in, fine)
    assert ("(too_soon)" in html, "(policy)" in html, "1 fresh link was mailed." in html) == (True, True, True)
    assert [mail.to for mail in desk.outbox.messages] == [ann.email, bob.email]


def test_policy_that_is_gone(settings: Settings) -> None:
    """A link of a purpose that the site has no more is shown and revoked, and not reminded of."""
    desk = Desk(settings)
    ann = customer()
    link = desk.links.issue(CLIENT_PORTAL, subject=str(ann.pk), recipient=ann.email)
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": desk.made(INVOICE, SIGN_IN)}
    client = browser(*CLERK)
    assert link.link_id in detail(client, link)
    assert "(BadArgumentError)" in act(client, "remind", link)
    assert "1 link was revoked." in act(client, "revoke", link, reason="")


def test_too_many_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """More links than one action takes are refused, before anything is done."""
    monkeypatch.setattr(admin, "MOST_AT_ONCE", 2)
    ann = customer()
    links = [desk.invoice(ann, number) for number in (1, 2, 3)]
    client = browser(*CLERK)
    assert "At most 2 links at once." in act(client, "revoke", *links)
    assert "At most 2 links at once." in act(client, "revoke", *links, reason="")
    assert "At most 2 links at once." in act(client, "remind", *links)
    assert states(desk, *links) == ["outstanding"] * 3


def test_other_audience(settings: Settings, desk: Desk) -> None:
    """The links of another site in the same database aren't this desk's, by list, page or action."""
    link = desk.invoice(customer())
    other = row(link).pk
    settings.MAGICLINK = {**settings.MAGICLINK, "LINKS": desk.made(audience="https://other.example")}
    client = browser(*CLERK)
    assert listed(page(client, LIST)) == []
    response = client.get(f"{LIST}{other}/change/", secure=True, headers={"Host": "billing.example"})
    assert response.status_code == 302
    act(client, "revoke", link, reason="")
    assert states(desk, link) == ["outstanding"]


def test_other_store(settings: Settings) -> None:
    """Where links are kept elsewhere than in Django's database, the desk shows none."""
    Desk(settings).invoice(customer())
    Desk(settings, store=MemoryStore())
    assert listed(page(browser("view_link"), LIST)) == []


@pytest.mark.django_db(databases=["default", "other"])
def test_other_database(settings: Settings) -> None:
    """The desk reads the database that the store was given."""
    from magiclink.django.store import DjangoStore

    desk = Desk(settings, store=DjangoStore(using="other"))
    link = desk.invoice(customer())
    assert listed(page(browser("view_link"), LIST)) == [link.link_id]
