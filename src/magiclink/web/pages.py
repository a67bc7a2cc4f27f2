"""What the pages say: what happened, when, and what to do next, for somebody who has never heard of such links.

Every page is plain text and buttons. What may not happen here: blame, a date in figures alone, a dead end, a word that
shows whether an address is known, and any text that hasn't passed through the reader's language.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..records import State
from .http import Button, Field, Page
from .humanize import format_ago, format_date, to_one_line
from .languages import ENGLISH
from .languages import mark as _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from .languages import Language

# A page of these says the same to everybody: its title, and its paragraphs.
_PLAIN = {
    "gone": (
        _("This link is too old"),
        _("It ended so long ago that we no longer know what it opened."),
        _("Look for a newer email with a link, or ask the sender for a new link."),
    ),
    "not-genuine": (
        _("This link is incomplete or damaged"),
        _("Most often, an email program has cut it off or broken it into two lines."),
        _(
            "Go back to the email and click the link there. If you get here again, copy the whole link, "
            "from https to its last character, and paste it into the address bar."
        ),
        _("If it still does not open, ask the sender for a new link."),
    ),
    # The browser doesn't hold the link any more.
    "no-cookie": (
        _("Please click the link in the email again"),
        _(
            "This page was open for too long, or it was opened without its link. "
            "Nothing is lost: the link is in your email."
        ),
        _("If you get here again, your browser blocks cookies. Allow them for this site, then click the link again."),
    ),
    # Another site has sent the form.
    "elsewhere": (
        _("Please click the link in the email again"),
        _("It seems that the button was pressed on another site, so nothing was done."),
        _("The link in the email leads you to the right page."),
    ),
    # The one answer to everybody who asks for a mail: it shows nothing about an address.
    "sent": (
        _("Check your email"),
        _("If we can send you a link, an email is on its way to the address that we have for you."),
        _("It should arrive in a few minutes. If you do not see it, check your spam folder."),
        _("You can close this page."),
    ),
    "unavailable": (
        _("Please try again in a minute"),
        _("Something on our side is not working right now. Nothing is lost."),
        _("Wait a minute, then reload this page or click the link in the email again."),
    ),
    "not-allowed": (
        _("This page does not work this way"),
        _("Nothing was done. Click the link in the email again: it leads you to the right page."),
    ),
    "too-large": (
        _("That was too much at once"),
        _("This page cannot take that much, so nothing was done. Go back and try again with less."),
    ),
}

# Of a link that has ended: the title, what happened, the same where nobody knows the instant, and advice.
_ENDED = {
    State.USED: (
        _("This link has already been used"),
        _("It was used {ago}, on {date}, and cannot be used again."),
        _("It cannot be used again."),
        _("If you did not use it yourself, tell the sender."),
    ),
    State.EXPIRED: (
        _("This link has expired"),
        _("It stopped working {ago}, on {date}."),
        _("It has stopped working."),
        _("Links in emails work for a limited time, to keep safe what they open. You did nothing wrong."),
    ),
    State.SUPERSEDED: (
        _("There is a newer link"),
        _("A newer link replaced it {ago}, on {date}."),
        _("A newer link has replaced it."),
        _("Find the newest email about it and click the link there."),
    ),
    State.REVOKED: (
        _("This link no longer works"),
        _("It was withdrawn {ago}, on {date}."),
        _("Your details have changed since it was sent, so it no longer works."),
        _("If you still need it, ask the sender."),
    ),
}


class Pages:
    """The pages of one site in one language. Buttons post to `path` and below it.

    `about` says what a link opens, in the app's words; where it is empty, they say "the document" or "your account".
    """

    def __init__(self, path: str, language: Language = ENGLISH) -> None:
        self._path, self._language = path, language

    def plain(self, name: str) -> Page:
        """Return a page that says the same to everybody, such as `gone`."""
        return self._write(name, {}, *_PLAIN[name])

    def confirm(self, about: str, *, to: str, form: str, signs_in: bool) -> Page:
        """Return the page whose button uses the link."""
        facts = {"about": to_one_line(about), "to": to_one_line(to)}
        if signs_in:
            named, unnamed, label = _("Sign in to {about}"), _("Sign in to your account"), _("Sign in")
            press, needs = _("Press the button to sign in as {to}."), _("You need no password and no new account.")
        else:
            named, unnamed, label = _("Open {about}"), _("Open the document"), _("Open")
            press = _("Press the button to open it. The link is for {to}.")
            needs = _("You need no account and no password.")
        stays = _("If you did not expect this, close the page: nothing happens until you press the button.")
        title = named if facts["about"] else unnamed
        return self._write("confirm", facts, title, press, needs, stays, button=(label, "", form))

    def switch(self, about: str, *, to: str, other: str, form: str) -> Page:
        """Return the page that asks somebody who is signed in whether to sign in as somebody else."""
        facts = {"about": to_one_line(about), "to": to_one_line(to), "other": to_one_line(other)}
        return self._write(
            "switch",
            facts,
            _("Sign in to {about} with another account?") if facts["about"] else _("Sign in with another account?"),
            _("You are signed in as {other} in this browser. The link is for another account: {to}."),
            _("If you continue, {other} is signed out. If you close this page, nothing changes."),
            button=(_("Sign in as {to}"), "", form),
        )

    def ended(
        self, state: State, about: str, *, at: datetime | None, now: datetime, form: str | None, signs_in: bool
    ) -> Page:
        """Return the page of a link that has ended; `form` asks for a new link, None where there can be none."""
        if state is State.OUTSTANDING:
            # Only an app whose `admit` raises a RejectedLinkError comes here: the link itself still works.
            return self.not_admitted("app")
        title, happened, undated, *advice = _ENDED[state]
        facts = {"about": to_one_line(about)}
        if at is not None:
            facts |= {"ago": format_ago(at, now, self._language), "date": format_date(at, self._language)}
        unnamed = _("The link was for your account.") if signs_in else _("The link was for the document.")
        what = _("The link was for {about}.") if facts["about"] else unnamed
        button = None
        if form is not None and state is not State.REVOKED:
            renew = _("We can send a new link to the address that this one was sent to. You need no account to get it.")
            advice.append(renew)
            button = (_("Email me a new link"), "new", form)
        elif state is not State.REVOKED:
            advice.append(_("Ask the sender for a new link. You need no account to get it."))
        page = self._write(state.value, facts, title, undated if at is None else happened, what, *advice, button=button)
        first, second, *others = page.paragraphs
        return replace(page, paragraphs=(f"{first} {second}", *others))

    def sign_in(self, form: str) -> Page:
        """Return the page that asks for the address to mail a sign-in link to."""
        return self._write(
            "sign-in",
            {},
            _("Sign in by email"),
            _("Enter your email address. If we know it, we send you a link that signs you in."),
            _("You need no password."),
            button=(_("Email me a link"), "sign-in", form),
        )

    def closed(self, form: str | None) -> Page:
        """Return the page of a document that this browser doesn't have open; `form` asks for a sign-in link."""
        title = _("Please open this page from your email")
        texts = (
            _(
                "To open this page, click the link in the email that you got about it. "
                "You need no account and no password."
            ),
            _("If that link is too old, it leads to a page that shows you how to get a new one."),
        )
        if form is None:
            return self._write("closed", {}, title, *texts)
        other = _("If you cannot find the email, enter your email address. If we know it, we send you a new link.")
        return self._write("closed", {}, title, *texts, other, button=(_("Email me a link"), "sign-in", form))

    def not_admitted(self, reason: str) -> Page:
        """Return the page of a good link that isn't admitted now; `reason` is `browser`, or anything else."""
        unused = _("Your link has not been used.")
        if reason != "browser":
            later = _("Try again later, or ask the sender of the link.")
            return self._write("not-admitted", {}, _("This link cannot be used right now"), unused, later)
        return self._write(
            "not-admitted",
            {},
            _("Please open this link in your other browser"),
            _("It works only in the browser where you asked for it, on the same device."),
            _("Copy the link from the email and paste it into the address bar of that browser."),
            unused,
        )

    def _write(
        self, name: str, facts: Mapping[str, str], *texts: str, button: tuple[str, str, str] | None = None
    ) -> Page:
        """Return a page in its language; a button is a label, the path below ours that it posts to, and its form."""
        title, *paragraphs = [self._fill(text, facts) for text in texts]
        buttons = () if button is None else (self._make_button(facts, *button),)
        return Page(name=name, title=title, paragraphs=tuple(paragraphs), buttons=buttons, language=self._language.tag)

    def _make_button(self, facts: Mapping[str, str], label: str, action: str, form: str) -> Button:
        hidden = Field(name="form", value=form)
        email = Field(name="email", kind="email", label=self._fill(_("Email address"), {}))
        fields = (email, hidden) if action == "sign-in" else (hidden,)
        return Button(label=self._fill(label, facts), action=f"{self._path}{action}", fields=fields)

    def _fill(self, text: str, facts: Mapping[str, str]) -> str:
        return self._language.gettext(text).format_map(facts)
