"""The pages: each says what happened, when, and the way on, in the reader's language, and no page is a dead end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink.records import State
from magiclink.web import Language
from magiclink.web.http import Button, Field
from magiclink.web.pages import Pages
from tests.web.conftest import MARKED, unmarked

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink.web.http import Page

AT = datetime(2026, 1, 19, 9, 0, tzinfo=UTC)
NOW = AT + timedelta(days=14)
DATED = "2 weeks ago, on Monday, 19 January 2026 (09:00 UTC)"
ENDED = [State.USED, State.EXPIRED, State.SUPERSEDED, State.REVOKED]
HIDDEN = Field(name="form", value="f0rm")


def every(
    pages: Pages, about: str = "Invoice 1001", to: str = "a…@acme.example", other: str = "b…@globex.example"
) -> dict[str, Page]:
    """Return every page in every form that it has."""
    ended = {
        f"{state} {at and 'dated'} {form}": pages.ended(state, about, at=at, now=NOW, form=form, signs_in=False)
        for state in ENDED
        for at in (AT, None)
        for form in ("f0rm", None)
    }
    return ended | {
        "used account": pages.ended(State.USED, about, at=AT, now=NOW, form=None, signs_in=True),
        "confirm": pages.confirm(about, to=to, form="f0rm", signs_in=False),
        "confirm account": pages.confirm(about, to=to, form="f0rm", signs_in=True),
        "switch": pages.switch(about, to=to, other=other, form="f0rm"),
        "sign-in": pages.sign_in("f0rm"),
        "closed": pages.closed(None),
        "closed form": pages.closed("f0rm"),
        "not-admitted browser": pages.not_admitted("browser"),
        "not-admitted": pages.not_admitted("app"),
        "gone": pages.plain("gone"),
        "not-genuine": pages.plain("not-genuine"),
        "no-cookie": pages.plain("no-cookie"),
        "elsewhere": pages.plain("elsewhere"),
        "sent": pages.plain("sent"),
        "unavailable": pages.plain("unavailable"),
        "not-allowed": pages.plain("not-allowed"),
        "too-large": pages.plain("too-large"),
    }


EVERY = every(Pages("/l/"))


def read(page: Page) -> str:
    """Return what a page says, without its title."""
    return "\n".join(page.paragraphs)


def ended(state: State, *, at: datetime | None = AT, form: str | None = "f0rm") -> Page:
    """Return the page of an ended link to Invoice 1001."""
    return Pages("/l/").ended(state, "Invoice 1001", at=at, now=NOW, form=form, signs_in=False)


@pytest.mark.parametrize("name", EVERY)
def test_page_under_another_name(name: str) -> None:
    """Each page bears its name, has a title and says something."""
    page = EVERY[name]
    assert page.name == name.split(maxsplit=1)[0]
    assert page.title
    assert page.paragraphs
    assert all(page.paragraphs)


@pytest.mark.parametrize("name", EVERY)
def test_sentence_that_was_not_translated(name: str) -> None:
    """Every text of every page has passed through the reader's language, whole."""
    for about in ("", "Invoice 1001"):
        page = every(Pages("/l/", MARKED), about=about)[name]
        labels = [text for button in page.buttons for text in (button.label, *(each.label for each in button.fields))]
        assert [text for text in (page.title, *page.paragraphs, *labels) if unmarked(text)] == []


def test_language_of_the_page() -> None:
    """A page says which language it is in."""
    assert EVERY["sent"].language == "en"
    assert Pages("/l/", Language("de-AT")).plain("sent").language == "de-AT"


def test_button_on_a_page_that_needs_none() -> None:
    """Only what a person must decide has a button, and never more than one."""
    with_button = {name for name, page in EVERY.items() if page.buttons}
    renewable = {f"{state} {at} f0rm" for state in ENDED[:3] for at in ("dated", None)}
    assert with_button == {"confirm", "confirm account", "switch", "sign-in", "closed form", *renewable}
    assert {len(page.buttons) for page in EVERY.values()} == {0, 1}


@pytest.mark.parametrize("word", ["token", "session", "redeem", "invalid", "error", "magic", "wrong link", "cookie"])
def test_jargon(word: str) -> None:
    """No page uses a word of ours, or of blame; cookies are named only where the reader must allow them."""
    pages = {name for name, page in EVERY.items() if word in f"{page.title} {read(page)}".lower()}
    assert pages == ({"no-cookie"} if word == "cookie" else set())


def test_confirm_that_does_not_say_what() -> None:
    """S5: the page of a document says what opens, for whom, and that neither account nor password is needed."""
    page = EVERY["confirm"]
    assert page.title == "Open Invoice 1001"
    assert "a…@acme.example" in read(page)
    assert "no account and no password" in read(page)
    assert page.buttons == (Button(label="Open", action="/l/", fields=(HIDDEN,)),)


def test_confirm_that_does_not_say_where() -> None:
    """The page of an account says what it signs in to, as whom, and that no password is needed."""
    page = EVERY["confirm account"]
    assert page.title == "Sign in to Invoice 1001"
    assert "sign in as a…@acme.example" in read(page)
    assert "no password" in read(page)
    assert page.buttons == (Button(label="Sign in", action="/l/", fields=(HIDDEN,)),)


def test_about_that_says_nothing() -> None:
    """Where the app says nothing of what a link opens, the page says the document or your account."""
    pages = Pages("/l/")
    assert pages.confirm(" \n", to="x", form="f", signs_in=False).title == "Open the document"
    assert pages.confirm("", to="x", form="f", signs_in=True).title == "Sign in to your account"
    assert pages.switch("", to="x", other="y", form="f").title == "Sign in with another account?"
    for signs_in, sentence in ((False, "for the document."), (True, "for your account.")):
        assert sentence in read(pages.ended(State.USED, "", at=AT, now=NOW, form=None, signs_in=signs_in))


def test_switch_that_hides_one_of_two() -> None:
    """Who is signed in as another reads both names, and that closing the page changes nothing."""
    page = EVERY["switch"]
    assert "signed in as b…@globex.example" in read(page)
    assert "another account: a…@acme.example" in read(page)
    assert "close this page, nothing changes" in read(page)
    assert page.buttons == (Button(label="Sign in as a…@acme.example", action="/l/", fields=(HIDDEN,)),)


def test_ended_links_that_look_alike() -> None:
    """Used, expired, superseded and revoked are four pages, each with its own title."""
    assert len({ended(state).title for state in ENDED}) == 4


@pytest.mark.parametrize("state", ENDED)
def test_end_without_its_instant(state: State) -> None:
    """Each page of an ended link says when it ended, in words and as a date, and what it was for."""
    assert DATED in read(ended(state))
    assert "The link was for Invoice 1001." in read(ended(state))


@pytest.mark.parametrize("state", ENDED)
def test_instant_that_nobody_knows(state: State) -> None:
    """Without an instant the page says what happened, and no date."""
    page = ended(state, at=None)
    assert "UTC" not in read(page)
    assert "ago" not in read(page)
    assert "The link was for Invoice 1001." in page.paragraphs[0]


def test_account_that_changed() -> None:
    """A link that ended because the account changed says so."""
    assert "Your details have changed" in read(ended(State.REVOKED, at=None))


@pytest.mark.parametrize("state", ENDED[:3])
def test_fresh_link_that_cannot_be_found(state: State) -> None:
    """S5: a fresh link is one button away, goes to the address of the old one, and needs no account."""
    page = ended(state)
    assert "to the address that this one was sent to. You need no account" in read(page)
    assert page.buttons == (Button(label="Email me a new link", action="/l/new", fields=(HIDDEN,)),)


@pytest.mark.parametrize("state", ENDED[:3])
def test_dead_end_without_a_form(state: State) -> None:
    """Where no fresh link can be asked for here, the page names whom to ask, and that no account is needed."""
    assert "Ask the sender for a new link. You need no account" in read(ended(state, form=None))


def test_newer_mail_that_is_not_mentioned() -> None:
    """A superseded link leads to the newest mail."""
    assert "newest email" in read(ended(State.SUPERSEDED))


def test_revoked_link_that_offers_a_fresh_one() -> None:
    """A revoked link leads to the sender, and no button mails a fresh one, whatever the caller gives."""
    assert "ask the sender" in read(ended(State.REVOKED))
    assert ended(State.REVOKED).buttons == ()


def test_outstanding_link_called_ended() -> None:
    """No page says of a link that still works that it has ended."""
    page = ended(State.OUTSTANDING)
    assert page == Pages("/l/").not_admitted("app")


def test_link_that_cannot_be_copied() -> None:
    """A cut or wrapped link gets the way to copy it whole: from https to its last character."""
    text = read(EVERY["not-genuine"])
    assert "cut it off or broken it" in text
    assert "from https to its last character" in text


@pytest.mark.parametrize("name", ["no-cookie", "elsewhere"])
def test_way_back_that_is_missing(name: str) -> None:
    """A page without its link leads back to the mail."""
    assert EVERY[name].title == "Please click the link in the email again"


def test_answer_that_tells_of_an_address() -> None:
    """The answer to every wish for a mail is an "if", says where to look, and is the same page each time."""
    text = read(EVERY["sent"])
    assert text.startswith("If we can send you a link, an email is on its way")
    assert "the address that we have for you" in text
    assert "check your spam folder" in text


@pytest.mark.parametrize("name", ["sign-in", "closed form"])
def test_address_that_cannot_be_entered(name: str) -> None:
    """S6: the e-mail address alone gets a link; the form has one field to fill in, and its proof."""
    email = Field(name="email", kind="email", label="Email address")
    assert EVERY[name].buttons == (Button(label="Email me a link", action="/l/sign-in", fields=(email, HIDDEN)),)


def test_login_form_without_a_reason() -> None:
    """S5: the page of a closed document leads to the mail, and says that no account is needed, form or not."""
    for name in ("closed", "closed form"):
        assert "the link in the email" in read(EVERY[name])
        assert "no account and no password" in read(EVERY[name])
    assert "enter your email address" not in read(EVERY["closed"])


@pytest.mark.parametrize(("reason", "sentence"), [("browser", "browser where you asked"), ("app", "Try again later")])
def test_link_that_seems_used_up(reason: str, sentence: str) -> None:
    """A link that isn't let in says that it hasn't been used, and what to do."""
    page = Pages("/l/").not_admitted(reason)
    assert sentence in read(page)
    assert "has not been used" in read(page)


@pytest.mark.parametrize("name", ["unavailable", "not-allowed", "too-large"])
def test_trouble_that_costs_the_link(name: str) -> None:
    """Trouble says that nothing was done or lost, and how to go on."""
    assert re.search(r"[Nn]othing (was done|is lost)", read(EVERY[name]))
    assert "again" in read(EVERY[name])


ANY: list[Callable[[Pages, str], Page]] = [
    lambda pages, text: pages.confirm(text, to=text, form="f", signs_in=False),
    lambda pages, text: pages.confirm(text, to=text, form="f", signs_in=True),
    lambda pages, text: pages.switch(text, to=text, other=text, form="f"),
    lambda pages, text: pages.ended(State.EXPIRED, text, at=AT, now=NOW, form="f", signs_in=False),
]


@pytest.mark.parametrize("make", ANY)
def test_hostile_name(make: Callable[[Pages, str], Page]) -> None:
    """J30: a name with braces stays as it is, and one with line ends, overrides or no end becomes one short line."""
    assert "{{ 7*7 }} {to} {about}" in str(make(Pages("/l/"), "{{ 7*7 }} {to} {about}"))
    page = make(Pages("/l/"), "a\r\n\u202eb" + "c" * 5_000)
    texts = [page.title, *page.paragraphs, *(button.label for button in page.buttons)]
    assert all(text.isprintable() and len(text) < 700 for text in texts)
