"""What the pages say: what happened, when, and what to do next, for somebody who has never heard of such links.

Every page is plain text and buttons. What may not happen here: blame, a date in figures alone, a dead end, a word that
shows whether an address is known, and any text that hasn't passed through the reader's language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..records import State
from .http import Button, Field, Page
from .humanize import format_ago, format_date, to_one_line
from .languages import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .languages import Language


class _Ended(NamedTuple):
    """The texts for one state; `undated` is for an instant that nobody knows."""

    title: str
    dated: str
    undated: str
    advice: str


class Pages:
    """The pages of one site in one language. Buttons post to `path` and below it.

    `about` says what a link opens, in the app's words; where it is empty, they say "the document" or "your account".
    """

    def __init__(self, path: str, language: Language = ENGLISH) -> None:
        self._path = path
        self._language = language
        self._translate = language.gettext

    def confirm(self, about: str, *, to: str, form: str, signs_in: bool) -> Page:
        """Return the page whose button uses the link."""
        _ = self._translate
        facts = {"about": to_one_line(about), "to": to_one_line(to)}
        stays = _("If you did not expect this, close the page: nothing happens until you press the button.")
        if signs_in:
            title, label = _("Sign in to {about}") if facts["about"] else _("Sign in to your account"), _("Sign in")
            press = _("Press the button to sign in as {to}.")
            needs = _("You need no password and no new account.")
        else:
            title, label = _("Open {about}") if facts["about"] else _("Open the document"), _("Open")
            press = _("Press the button to open it. The link is for {to}.")
            needs = _("You need no account and no password.")
        button = Button(label=label, action=self._path, fields=_hide(form))
        return self._page("confirm", title.format_map(facts), press.format_map(facts), needs, stays, buttons=(button,))

    def switch(self, about: str, *, to: str, other: str, form: str) -> Page:
        """Return the page that asks somebody who is signed in whether to sign in as somebody else."""
        _ = self._translate
        facts = {"about": to_one_line(about), "to": to_one_line(to), "other": to_one_line(other)}
        unnamed = _("Sign in with another account?")
        label = _("Sign in as {to}").format_map(facts)
        return self._page(
            "switch",
            _("Sign in to {about} with another account?").format_map(facts) if facts["about"] else unnamed,
            _("You are signed in as {other} in this browser. The link is for another account: {to}.").format_map(facts),
            _("If you continue, {other} is signed out. If you close this page, nothing changes.").format_map(facts),
            buttons=(Button(label=label, action=self._path, fields=_hide(form)),),
        )

    def ended(
        self, state: State, about: str, *, at: datetime | None, now: datetime, form: str | None, signs_in: bool
    ) -> Page:
        """Return the page of a link that has ended; `form` asks for a new link, None where there can be none."""
        if state is State.OUTSTANDING:
            # Only an app whose `admit` raises a RejectedLinkError comes here: the link itself still works.
            return self.not_admitted("app")
        _ = self._translate
        texts = _write_ended(_)[state]
        happened = texts.undated
        if at is not None:
            dates = {"ago": format_ago(at, now, self._language), "date": format_date(at, self._language)}
            happened = texts.dated.format_map(dates)
        unnamed = _("The link was for your account.") if signs_in else _("The link was for the document.")
        what = _("The link was for {about}.").format(about=to_one_line(about)) if to_one_line(about) else unnamed
        way_on, buttons = self._write_way_on(state, form)
        return self._page(state.value, texts.title, f"{happened} {what}", texts.advice, way_on, buttons=buttons)

    def gone(self) -> Page:
        """Return the page of a link that nothing is known of any more."""
        _ = self._translate
        return self._page(
            "gone",
            _("This link is too old"),
            _("It ended so long ago that we no longer know what it opened."),
            _("Look for a newer email with a link, or ask the sender for a new link."),
        )

    def not_genuine(self) -> Page:
        """Return the page that says how to copy a whole link."""
        _ = self._translate
        return self._page(
            "not-genuine",
            _("This link is incomplete or damaged"),
            _("Most often, an email program has cut it off or broken it into two lines."),
            _(
                "Go back to the email and click the link there. If you get here again, copy the whole link, "
                "from https to its last character, and paste it into the address bar."
            ),
            _("If it still does not open, ask the sender for a new link."),
        )

    def no_cookie(self) -> Page:
        """Return the page for a browser that doesn't hold the link any more."""
        _ = self._translate
        return self._page(
            "no-cookie",
            _("Please click the link in the email again"),
            _(
                "This page was open for too long, or it was opened without its link. "
                "Nothing is lost: the link is in your email."
            ),
            _(
                "If you get here again, your browser blocks cookies. "
                "Allow them for this site, then click the link again."
            ),
        )

    def elsewhere(self) -> Page:
        """Return the page for a form that another site has sent."""
        _ = self._translate
        return self._page(
            "elsewhere",
            _("Please click the link in the email again"),
            _("It seems that the button was pressed on another site, so nothing was done."),
            _("The link in the email leads you to the right page."),
        )

    def sent(self) -> Page:
        """Return the one answer to everybody who asks for a mail: it shows nothing about an address."""
        _ = self._translate
        return self._page(
            "sent",
            _("Check your email"),
            _("If we can send you a link, an email is on its way to the address that we have for you."),
            _("It should arrive in a few minutes. If you do not see it, check your spam folder."),
            _("You can close this page."),
        )

    def sign_in(self, form: str) -> Page:
        """Return the page that asks for the address to mail a sign-in link to."""
        _ = self._translate
        return self._page(
            "sign-in",
            _("Sign in by email"),
            _("Enter your email address. If we know it, we send you a link that signs you in."),
            _("You need no password."),
            buttons=(self._ask_address(form),),
        )

    def closed(self, form: str | None) -> Page:
        """Return the page of a document that this browser doesn't have open; `form` asks for a sign-in link."""
        _ = self._translate
        texts = (
            _(
                "To open this page, click the link in the email that you got about it. "
                "You need no account and no password."
            ),
            _("If that link is too old, it leads to a page that shows you how to get a new one."),
        )
        if form is None:
            return self._page("closed", _("Please open this page from your email"), *texts)
        other = _("If you cannot find the email, enter your email address. If we know it, we send you a new link.")
        return self._page(
            "closed", _("Please open this page from your email"), *texts, other, buttons=(self._ask_address(form),)
        )

    def not_admitted(self, reason: str) -> Page:
        """Return the page of a good link that isn't admitted now; `reason` is `browser`, or anything else."""
        _ = self._translate
        unused = _("Your link has not been used.")
        if reason != "browser":
            later = _("Try again later, or ask the sender of the link.")
            return self._page("not-admitted", _("This link cannot be used right now"), unused, later)
        return self._page(
            "not-admitted",
            _("Please open this link in your other browser"),
            _("It works only in the browser where you asked for it, on the same device."),
            _("Copy the link from the email and paste it into the address bar of that browser."),
            unused,
        )

    def unavailable(self) -> Page:
        """Return the page for a store, a clock or an app that fails."""
        _ = self._translate
        return self._page(
            "unavailable",
            _("Please try again in a minute"),
            _("Something on our side is not working right now. Nothing is lost."),
            _("Wait a minute, then reload this page or click the link in the email again."),
        )

    def not_allowed(self) -> Page:
        """Return the page for a method that this path doesn't take."""
        _ = self._translate
        return self._page(
            "not-allowed",
            _("This page does not work this way"),
            _("Nothing was done. Click the link in the email again: it leads you to the right page."),
        )

    def too_large(self) -> Page:
        """Return the page for a form that is too large to be read."""
        _ = self._translate
        return self._page(
            "too-large",
            _("That was too much at once"),
            _("This page cannot take that much, so nothing was done. Go back and try again with less."),
        )

    def _write_way_on(self, state: State, form: str | None) -> tuple[str, tuple[Button, ...]]:
        _ = self._translate
        if state is State.REVOKED:
            return _("If you still need it, ask the sender."), ()
        if form is None:
            return _("Ask the sender for a new link. You need no account to get it."), ()
        text = _("We can send a new link to the address that this one was sent to. You need no account to get it.")
        return text, (Button(label=_("Email me a new link"), action=f"{self._path}new", fields=_hide(form)),)

    def _ask_address(self, form: str) -> Button:
        _ = self._translate
        email = Field(name="email", kind="email", label=_("Email address"))
        return Button(label=_("Email me a link"), action=f"{self._path}sign-in", fields=(email, *_hide(form)))

    def _page(self, name: str, title: str, *paragraphs: str, buttons: tuple[Button, ...] = ()) -> Page:
        texts = tuple(each for each in paragraphs if each)
        return Page(name=name, title=title, paragraphs=texts, buttons=buttons, language=self._language.tag)


def _hide(form: str) -> tuple[Field, ...]:
    return (Field(name="form", value=form),)


def _write_ended(_: Callable[[str], str]) -> dict[State, _Ended]:
    return {
        State.USED: _Ended(
            title=_("This link has already been used"),
            dated=_("It was used {ago}, on {date}, and cannot be used again."),
            undated=_("It cannot be used again."),
            advice=_("If you did not use it yourself, tell the sender."),
        ),
        State.EXPIRED: _Ended(
            title=_("This link has expired"),
            dated=_("It stopped working {ago}, on {date}."),
            undated=_("It has stopped working."),
            advice=_("Links in emails work for a limited time, to keep safe what they open. You did nothing wrong."),
        ),
        State.SUPERSEDED: _Ended(
            title=_("There is a newer link"),
            dated=_("A newer link replaced it {ago}, on {date}."),
            undated=_("A newer link has replaced it."),
            advice=_("Find the newest email about it and click the link there."),
        ),
        State.REVOKED: _Ended(
            title=_("This link no longer works"),
            dated=_("It was withdrawn {ago}, on {date}."),
            undated=_("Your details have changed since it was sent, so it no longer works."),
            advice="",
        ),
    }
