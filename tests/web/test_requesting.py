"""Somebody asks for a mail: one answer whatever is typed, and the mail goes to the address on file or nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import INVOICE, SIGN_IN, StoreError
from magiclink.links import run
from magiclink.web import Account, Job, Task
from magiclink.web.requesting import LONGEST_ADDRESS
from tests.web.conftest import ANN, ORIGIN, Site, form_of, shape, told

if TYPE_CHECKING:
    from magiclink.web import Reply
    from tests.web.conftest import Visitor

UNKNOWN = "nobody@acme.example"
BOUND = replace(SIGN_IN, bind_browser=True, renew_on_request=False)


def ask(site: Site, *typed: str, visitor: Visitor | None = None) -> Reply:
    """Type something into the sign-in page and send it; the mails have been sent when this returns."""
    visitor = visitor or site.visitor()
    form = tuple(("email", each) for each in typed) + tuple(form_of_sign_in(visitor).items())
    reply = run(site.conversation.answer(visitor.request("POST", "sign-in", form=form)))
    assert reply.after is not None
    run(site.conversation.run(reply.after))
    return reply


def form_of_sign_in(visitor: Visitor) -> dict[str, str]:
    """The hidden field of the sign-in page."""
    return {"form": form_of(visitor.get("sign-in"))["form"]}


def test_sign_in_by_mail(site: Site) -> None:
    """S6: who types the address on file gets a link there, and its button signs in."""
    visitor = site.visitor()
    assert told(visitor.press(visitor.get("sign-in"), email=ANN)) == "200 sent"
    assert site.outbox.last.to == ANN
    visitor.get(site.outbox.last.url.removeprefix(f"{ORIGIN}/l/"))
    assert told(visitor.press(visitor.get())) == "303 /"
    assert visitor.signed_in_as == "ann"


ODD = [
    f"{ANN},eve@evil.example",
    f"{ANN};eve@evil.example",
    f"{ANN} eve@evil.example",
    f"eve@evil.example <{ANN}>",
    f"{ANN}>, <eve@evil.example",
    f'"eve@evil.example"@{ANN}',
    f"{ANN}\r\nBcc: eve@evil.example",
    f"{ANN}\n",
    f"{ANN}%0a",
    "=?utf-8?q?=61nn?=@acme.example",
    "",
    " ",
    "@",
    "None",
    "0",
    "{}",
    "ann＠acme.example",
    f"{ANN}\0",
    "\ud800@acme.example",
    "a" * 65 + "@acme.example",
]


@pytest.mark.parametrize("typed", ODD)
def test_odd_address(site: Site, typed: str) -> None:
    """J01, J02, J04, J05: what isn't one address gets the same answer as any, and no mail at all."""
    assert shape(ask(site, typed))[:4] == shape(ask(site, ANN))[:4]
    assert [mail.to for mail in site.outbox.messages] == [ANN]


@pytest.mark.parametrize("typed", [(), (ANN, ANN), (ANN, "eve@evil.example")])
def test_not_one_field(site: Site, typed: tuple[str, ...]) -> None:
    """J04: no address, or two of them, is none: nobody picks the first or the last."""
    assert told(ask(site, *typed)) == "200 sent"
    assert len(site.outbox) == 0


def test_megabyte_address(site: Site) -> None:
    """J16: a megabyte is cut before anything reads it, and no job carries it."""
    reply = ask(site, "a" * 1_000_000 + "@acme.example")
    assert reply.after is not None
    assert len(reply.after.address) == LONGEST_ADDRESS + 1
    assert len(site.outbox) == 0


@pytest.mark.parametrize("typed", ["ANN@ACME.EXAMPLE", "Ann@Acme.Example", "ann@ACME.example", "aNN@acme.exAMPLE"])
def test_to_the_stored_spelling(site: Site, typed: str) -> None:
    """J17: ASCII case doesn't matter, and the mail goes to the spelling on file, never to what was typed."""
    site.accounts.known["ann"] = Account(subject="ann", addresses=("Ann@acme.example",))
    site.accounts.by_email = lambda address: [site.accounts.known["ann"]]  # type: ignore[method-assign]
    ask(site, typed)
    assert site.outbox.last.to == "Ann@acme.example"


@pytest.mark.parametrize("typed", ["ann+tag@acme.example", "a.nn@acme.example", "аnn@acme.example", "ann@аcme.example"])
def test_not_folded(site: Site, typed: str) -> None:
    """J21, J22: tags, dots and look-alikes are other addresses, though a directory should find an account for them."""
    site.accounts.by_email = lambda address: [site.accounts.known["ann"]]  # type: ignore[method-assign]
    assert told(ask(site, typed)) == "200 sent"
    assert len(site.outbox) == 0


def test_international_domain(site: Site) -> None:
    """A domain is matched by its A-labels, whichever way it was typed or is on file."""
    site.accounts.known["ann"] = Account(subject="ann", addresses=("n/a", "ann@bücher.example"))
    site.accounts.by_email = lambda address: [site.accounts.known["ann"]]  # type: ignore[method-assign]
    for typed in ("ann@bücher.example", "ann@xn--bcher-kva.example"):
        ask(site, typed)
    assert [mail.to for mail in site.outbox.messages] == ["ann@xn--bcher-kva.example"] * 2


def test_directory_gets_one_spelling(site: Site) -> None:
    """A directory is asked with the lower case and A-labels of what was typed, once."""
    asked: list[str] = []

    def by_email(address: str) -> list[Account]:
        asked.append(address)
        return []

    site.accounts.by_email = by_email  # type: ignore[method-assign]
    ask(site, "ANN@bücher.Example")
    assert asked == ["ann@xn--bcher-kva.example"]


def share(site: Site, number: int, *, inactive: int = 0) -> None:
    """Let accounts share one address; the first ones aren't active."""
    known = [Account(subject=f"a{each}", addresses=(ANN,), active=each >= inactive) for each in range(number)]
    site.accounts.known = {account.subject: account for account in known}


def test_shared_address(site: Site) -> None:
    """J24: of accounts that share an address each gets its own mail with its own link: none is picked by its place."""
    share(site, 2)
    ask(site, ANN)
    subjects = []
    for mail in site.outbox.messages:
        visitor = site.visitor()
        visitor.get(mail.url.removeprefix(f"{ORIGIN}/l/"))
        visitor.press(visitor.get())
        subjects.append(visitor.signed_in_as)
    assert subjects == ["a0", "a1"]


def test_many_accounts_share_an_address(site: Site) -> None:
    """J24, L06: five mails at most; accounts that aren't active don't take the place of one that is."""
    share(site, 9)
    ask(site, ANN)
    assert len(site.outbox) == 5
    site.outbox.clear()
    share(site, 9, inactive=8)
    ask(site, ANN)
    assert len(site.outbox) == 1


def test_inactive_account(site: Site) -> None:
    """J27: an account that isn't active gets no mail, and the same answer."""
    share(site, 1, inactive=1)
    assert shape(ask(site, ANN))[:4] == shape(ask(site, UNKNOWN))[:4]
    assert len(site.outbox) == 0


def test_account_that_may_not_be_used() -> None:
    """J27: an account whose stamp is None gets no mail; the next one of the same address gets its own."""
    stamps: dict[str, str | None] = {"a0": None, "a1": "first"}
    site = Site(settings={"security_stamp": stamps.get})
    share(site, 2)
    ask(site, ANN)
    assert len(site.outbox) == 1


@pytest.mark.parametrize("password", ["", " ", "None", "letmein"])
def test_password_fields_are_ignored(site: Site, password: str) -> None:
    """J26: where no passwords are assigned no password signs in: the field is as good as not there."""
    visitor = site.visitor()
    reply = visitor.press(visitor.get("sign-in"), email=ANN, password=password)
    assert (told(reply), reply.sign_in, visitor.signed_in_as) == ("200 sent", None, None)


def test_mass_assignment(site: Site) -> None:
    """G35: fields that nobody asked for decide nothing: not where the link leads, for whom, or for how long."""
    visitor = site.visitor()
    extra: Any = {
        "redirect": "//evil.example",
        "next": "/elsewhere",
        "destination": "/elsewhere",
        "base_url": "https://evil.example/",
        "email_to": "eve@evil.example",
        "recipient": "eve@evil.example",
        "subject": "bob",
        "purpose": "step-up",
        "ttl": "999999",
        "lifetime": "999999",
        "browser": "x",
    }
    visitor.press(visitor.get("sign-in"), email=ANN, **extra)
    [mail] = site.outbox.messages
    assert mail.to == ANN
    assert mail.url.startswith(f"{ORIGIN}/l/")
    [info] = site.links.find(subject="ann")
    assert (info.purpose, info.destination, info.expires_at - info.issued_at) == ("sign-in", None, SIGN_IN.lifetime)


@pytest.mark.parametrize("header", ["host", "x-forwarded-host", "forwarded", "x-forwarded-proto", "x-original-host"])
def test_no_header_is_in_a_mail(site: Site, header: str) -> None:
    """H01, H02, H04, H06: the link in the mail is that of the configuration, whatever the request's headers say."""
    visitor = site.visitor()
    form = {"email": ANN} | form_of_sign_in(visitor)
    for value in ("evil.example", "billing.example@evil.example", "billing.example:80:80", "", "http"):
        visitor.ask("POST", "sign-in", form=form, headers={"origin": ORIGIN, header: value})
        assert site.outbox.last.url.startswith(f"{ORIGIN}/l/")
        assert "evil" not in str(site.outbox.last.message)
        site.tick(hours=1)
        form = {"email": ANN} | form_of_sign_in(visitor)


ELSEWHERE = [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {}]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_asked_from_elsewhere(site: Site, headers: dict[str, str]) -> None:
    """G34: another site's form, without cookies or with them, is 403, and no mail goes out."""
    visitor = site.visitor()
    for _ in range(2):
        reply = visitor.ask("POST", "sign-in", form={"email": ANN}, headers=headers)
        assert (told(reply), reply.after, reply.cookies) == ("403 elsewhere", None, ())
        visitor.get("sign-in")
    assert len(site.outbox) == 0


def test_form_decides_without_headers(site: Site) -> None:
    """G11: without Origin and Sec-Fetch-Site the page's own form, with this browser's cookie, is what counts."""
    visitor, other = site.visitor(), site.visitor()
    form = {"email": ANN} | form_of_sign_in(visitor)
    other.get("sign-in")
    assert told(other.ask("POST", "sign-in", form=form, headers={})) == "403 elsewhere"
    assert told(site.visitor().ask("POST", "sign-in", form=form, headers={})) == "403 elsewhere"
    assert told(visitor.ask("POST", "sign-in", form=form, headers={})) == "200 sent"
    assert len(site.outbox) == 1


def test_known_and_unknown_look_alike(site: Site) -> None:
    """K01, K09, K10, J25: known or not, the answer is the same, to the header, and nothing is asked before it."""
    answers = []
    for typed in (ANN, UNKNOWN, "no address", "ANN@acme.example"):
        visitor = site.visitor()
        form = (("email", typed), *form_of_sign_in(visitor).items())
        site.store.calls.clear()
        site.accounts.asked = 0
        reply = run(site.conversation.answer(visitor.request("POST", "sign-in", form=form)))
        assert (site.store.calls, site.accounts.asked, len(site.outbox)) == ([], 0, 0)
        assert isinstance(reply.after, Job)
        answers.append(shape(reply)[:4])
        assert {len(cookie.value) for cookie in reply.cookies} == {len(next(iter(visitor.cookies.values())))}
    assert all(answer == answers[0] for answer in answers)


def test_no_link_in_the_answer(site: Site) -> None:
    """G32: neither the answer nor its job holds the link that is about to be mailed."""
    reply = ask(site, ANN)
    token = site.outbox.last.url.removeprefix(f"{ORIGIN}/l/")
    assert token not in repr((reply, reply.headers, [cookie.value for cookie in reply.cookies], reply.after))


def test_job_names_the_browser(site: Site) -> None:
    """The browser that asks is named in the job, by the nonce of its own cookie; and its link needn't be bound."""
    visitor = site.visitor()
    reply = ask(site, ANN, visitor=visitor)
    assert reply.after is not None
    assert reply.after.browser == site.conversation._jar.read_browser(visitor.request(), site.links.flows.read_clock())
    assert len(site.outbox) == 1


def test_browser_without_a_name_gets_one(site: Site) -> None:
    """A browser whose cookie has run out is named by the answer, and the job names the same."""
    visitor = site.visitor()
    reply = run(site.conversation.answer(visitor.request("POST", "sign-in", form=(("email", ANN),))))
    visitor.keep(reply)
    assert reply.after is not None
    assert reply.after.browser is not None
    assert reply.after.browser == site.conversation._jar.read_browser(visitor.request(), site.links.flows.read_clock())


def test_bound_link_without_a_browser() -> None:
    """A job that names no browser sends no link that is bound to one."""
    site = Site(BOUND, sign_in=BOUND)
    run(site.conversation.run(Job(task=Task.SIGN_IN, source=None, address=ANN)))
    assert len(site.outbox) == 0
    ask(site, ANN)
    assert len(site.outbox) == 1


def test_job_without_a_directory_or_a_policy() -> None:
    """A job from before the configuration changed ends without a word."""
    job = Job(task=Task.SIGN_IN, source=None, address=ANN)
    for site in (Site(directory=None), Site(INVOICE)):
        run(site.conversation.run(job))
        assert len(site.outbox) == 0


def test_store_down(site: Site) -> None:
    """A store that is down changes no answer; its error reaches whoever runs the job."""

    def down(*args: object, **kwargs: object) -> object:
        raise StoreError("down")

    site.store.__dict__["hit"] = down
    visitor = site.visitor()
    form = (("email", ANN), *form_of_sign_in(visitor).items())
    reply = run(site.conversation.answer(visitor.request("POST", "sign-in", form=form)))
    assert told(reply) == "200 sent"
    assert reply.after is not None
    with pytest.raises(StoreError):
        run(site.conversation.run(reply.after))
