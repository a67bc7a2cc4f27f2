"""What the pages say: what happened, when, and the way on, for somebody who has never heard of such links.

Every page is plain text and buttons. What may not happen here: blame, a date without its words, a dead end, a word that
tells whether an address is known, and any text that hasn't passed through the reader's language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..records import State
from .http import Button, Field, Page
from .humanize import ago_in_words, date_in_words, one_line
from .languages import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .languages import Language


class _Ended(NamedTuple):
    """How one state is told; `undated` is for an instant that nobody knows."""

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
        """Ask for the press of the button, which is what uses the link."""
        _ = self._translate
        facts = {"about": one_line(about), "to": one_line(to)}
        stays = _("If you did not expect this, close the page: nothing happens until the button is pressed.")
        if signs_in:
            title, label = _("Sign in to {about}") if facts["about"] else _("Sign in to your account"), _("Sign in")
            told = _("Press the button, and you are signed in as {to}.")
            needs = _("You need no password, and there is no account to set up.")
        else:
            title, label = _("Open {about}") if facts["about"] else _("Open the document"), _("Open")
            told = _("Press the button, and it opens. The link in the mail is for {to}.")
            needs = _("You need no account and no password.")
        button = Button(label=label, action=self._path, fields=_hidden(form))
        return self._page("confirm", title.format_map(facts), told.format_map(facts), needs, stays, buttons=(button,))

    def switch(self, about: str, *, to: str, other: str, form: str) -> Page:
        """Ask somebody who is signed in whether to sign in as somebody else."""
        _ = self._translate
        facts = {"about": one_line(about), "to": one_line(to), "other": one_line(other)}
        unnamed = _("Sign in to your account with another account?")
        label = _("Sign in as {to}").format_map(facts)
        return self._page(
            "switch",
            _("Sign in to {about} with another account?").format_map(facts) if facts["about"] else unnamed,
            _("In this browser you are signed in as {other}. The link is for another account, {to}.").format_map(facts),
            _("If you go on, you are signed out as {other}. If you close this page, nothing changes.").format_map(
                facts
            ),
            buttons=(Button(label=label, action=self._path, fields=_hidden(form)),),
        )

    def ended(
        self, state: State, about: str, *, at: datetime | None, now: datetime, form: str | None, signs_in: bool
    ) -> Page:
        """Say what has ended a link, when, and the way on; `form` is that of a fresh link, where there may be one."""
        if state is State.OUTSTANDING:
            # Only an app whose `admit` raises a rejection of its own comes here: the link itself still works.
            return self.not_admitted("app")
        _ = self._translate
        told = _ended(_)[state]
        happened = told.undated
        if at is not None:
            dates = {"ago": ago_in_words(at, now, self._language), "date": date_in_words(at, self._language)}
            happened = told.dated.format_map(dates)
        unnamed = _("The link was for your account.") if signs_in else _("The link was for the document.")
        what = _("The link was for {about}.").format(about=one_line(about)) if one_line(about) else unnamed
        way_on, buttons = self._way_on(state, form)
        return self._page(state.value, told.title, f"{happened} {what}", told.advice, way_on, buttons=buttons)

    def gone(self) -> Page:
        """Say that nothing is remembered of a link."""
        _ = self._translate
        return self._page(
            "gone",
            _("This link is no longer known here"),
            _("It ended so long ago that what it opened has been forgotten here."),
            _("Look for a newer mail with a link in it, or ask whoever sent you this one for a new one."),
        )

    def not_genuine(self) -> Page:
        """Say how to copy a link whole."""
        _ = self._translate
        return self._page(
            "not-genuine",
            _("This link cannot be opened as it is"),
            _("Most often, a mail program has cut it short or broken it into two lines."),
            _(
                "Go back to the mail and click the link there. If that leads here again, copy the link from the mail, "
                "from https to its very last character, and paste it into the address bar in one piece."
            ),
            _("If it still does not open, ask whoever sent it to you for a new one."),
        )

    def no_cookie(self) -> Page:
        """Say that this browser doesn't hold the link any more."""
        _ = self._translate
        return self._page(
            "no-cookie",
            _("Please click the link in the mail again"),
            _(
                "This page was open for a while, or was opened without its link. "
                "Nothing is lost: the link is in your mail."
            ),
            _(
                "If clicking it leads here again, your browser is set to refuse cookies. "
                "Allow them for this site, and click the link once more."
            ),
        )

    def elsewhere(self) -> Page:
        """Say that a form wasn't sent by a page of this site."""
        _ = self._translate
        return self._page(
            "elsewhere",
            _("Please click the link in the mail again"),
            _("The button seems to have been pressed on a page of another site, so nothing was done."),
            _("A click on the link in the mail brings you to the right page."),
        )

    def sent(self) -> Page:
        """Return the one answer to every wish for a mail: it tells nothing about an address."""
        _ = self._translate
        return self._page(
            "sent",
            _("Look into your mail"),
            _("If a link can be sent to you, a mail is on its way, to the address that is on file for you."),
            _("It should be there in a few minutes. If you do not find it, look into the folder for spam as well."),
            _("You can close this page."),
        )

    def sign_in(self, form: str) -> Page:
        """Ask for the address that a sign-in link goes to."""
        _ = self._translate
        return self._page(
            "sign-in",
            _("Sign in by e-mail"),
            _("Enter your e-mail address. If it is on file here, a mail brings you a link that signs you in."),
            _("You need no password."),
            buttons=(self._address_form(form),),
        )

    def closed(self, form: str | None) -> Page:
        """Say how to open a document that this browser doesn't have open."""
        _ = self._translate
        told = (
            _("This page opens by the link in the mail that you got about it. You need no account and no password."),
            _("Find that mail and click its link. If the link is too old, its page says how to get a fresh one."),
        )
        if form is None:
            return self._page("closed", _("Please open this from your mail"), *told)
        other = _("If you cannot find the mail, enter your e-mail address. If it is on file here, you get a new link.")
        return self._page(
            "closed", _("Please open this from your mail"), *told, other, buttons=(self._address_form(form),)
        )

    def not_admitted(self, reason: str) -> Page:
        """Say why a good link isn't let in now: `browser`, or anything else."""
        _ = self._translate
        unused = _("Your link has not been used up.")
        if reason != "browser":
            later = _("Try again later, or ask whoever sent you the link.")
            return self._page("not-admitted", _("This link cannot be used right now"), unused, later)
        return self._page(
            "not-admitted",
            _("Please open this link in the other browser"),
            _("It works only in the browser in which you asked for it, on the same device."),
            _("Copy the link from the mail, and paste it into the address bar of that browser."),
            unused,
        )

    def unavailable(self) -> Page:
        """Say that nothing can be said now."""
        _ = self._translate
        return self._page(
            "unavailable",
            _("Please try again in a minute"),
            _("Something on our side is not working at the moment. Nothing has been used up."),
            _("Wait a minute, then load this page again or click the link in the mail again."),
        )

    def not_allowed(self) -> Page:
        """Say that a request of this kind isn't taken here."""
        _ = self._translate
        return self._page(
            "not-allowed",
            _("This page does not work that way"),
            _("Nothing was done. Click the link in the mail again: it brings you to the right page."),
        )

    def too_large(self) -> Page:
        """Say that more was sent than is read here."""
        _ = self._translate
        return self._page(
            "too-large",
            _("That was too much at once"),
            _("More was sent than this page can take, so nothing was done. Go back, and try again with less."),
        )

    def _way_on(self, state: State, form: str | None) -> tuple[str, tuple[Button, ...]]:
        _ = self._translate
        if state is State.REVOKED:
            return _("If you still need it, ask whoever sent it to you."), ()
        if form is None:
            return _("For a new one, ask whoever sent you this one. You need no account to get it."), ()
        told = _("A fresh link goes to the address that this one was mailed to. You need no account to get it.")
        return told, (Button(label=_("Mail me a fresh link"), action=f"{self._path}new", fields=_hidden(form)),)

    def _address_form(self, form: str) -> Button:
        _ = self._translate
        email = Field(name="email", kind="email", label=_("E-mail address"))
        return Button(label=_("Mail me a link"), action=f"{self._path}sign-in", fields=(email, *_hidden(form)))

    def _page(self, name: str, title: str, *paragraphs: str, buttons: tuple[Button, ...] = ()) -> Page:
        told = tuple(each for each in paragraphs if each)
        return Page(name=name, title=title, paragraphs=told, buttons=buttons, language=self._language.tag)


def _hidden(form: str) -> tuple[Field, ...]:
    return (Field(name="form", value=form),)


def _ended(_: Callable[[str], str]) -> dict[State, _Ended]:
    return {
        State.USED: _Ended(
            title=_("This link has been used"),
            dated=_("It was used {ago}, on {date}, and cannot be used again."),
            undated=_("It cannot be used again."),
            advice=_("If it was not you who used it, tell whoever sent it to you."),
        ),
        State.EXPIRED: _Ended(
            title=_("This link has expired"),
            dated=_("It stopped working {ago}, on {date}."),
            undated=_("It has stopped working."),
            advice=_("Links in mails work for a limited time, to keep safe what they open. You did nothing wrong."),
        ),
        State.SUPERSEDED: _Ended(
            title=_("There is a newer link"),
            dated=_("Another link took the place of this one {ago}, on {date}."),
            undated=_("Another link took the place of this one."),
            advice=_("Look for the newest mail about it, and click the link there."),
        ),
        State.REVOKED: _Ended(
            title=_("This link no longer works"),
            dated=_("It was withdrawn {ago}, on {date}."),
            undated=_("What is on file about you has changed since it was mailed, and that has ended it."),
            advice="",
        ),
    }
