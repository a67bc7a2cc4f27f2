"""Each reader in their own language: pages, mails and headers, and nothing of it tells who is known."""

from __future__ import annotations

import re
from gettext import NullTranslations
from html import unescape
from typing import TYPE_CHECKING

import pytest

from magiclink import SIGN_IN, ConfigurationError
from magiclink.links import run
from magiclink.web import Job, Task
from magiclink.web.html import render
from tests.web.conftest import ANN, MARKED, Marked, Site, Visitor, form_of, told, unmarked

if TYPE_CHECKING:
    from magiclink.web import Catalogue, Reply

ALL = ("en", "de", "es", "fr")


def marked(tag: str) -> Catalogue | None:
    """Return a catalogue for the language that is English in brackets."""
    return Marked() if tag == MARKED.tag else None


def title(reply: Reply) -> str:
    """Return a page's title."""
    assert reply.page is not None
    return reply.page.title


@pytest.mark.parametrize(
    ("reads", "language", "expected"),
    [
        ("de-AT", "de", "Per E-Mail anmelden"),
        ("fr", "fr", "Se connecter par e-mail"),
        ("es-MX", "es", "Iniciar sesión por correo electrónico"),
        ("en-GB", "en", "Sign in by email"),
        ("ja", "en", "Sign in by email"),
        ("de\r\nSet-Cookie: x=1", "en", "Sign in by email"),
    ],
)
def test_page_in_a_foreign_language(reads: str, language: str, expected: str) -> None:
    """A page is in the reader's language, and says so in its header and to screen readers."""
    reply = Site(languages=ALL).visitor(None, reads).get("sign-in")
    assert title(reply) == expected
    assert reply.page is not None
    assert f'<html lang="{language}">' in render(reply.page)
    assert dict(reply.headers)["Content-Language"] == language


def test_site_that_offers_one_language(site: Site) -> None:
    """A site that says nothing of languages is English to everybody, and its answers depend on cookies alone."""
    for reads in ("de", "fr", "en"):
        reply = site.visitor(None, reads).get("sign-in")
        assert title(reply) == "Sign in by email"
        assert (dict(reply.headers)["Content-Language"], dict(reply.headers)["Vary"]) == ("en", "Cookie")
    german = Site(languages=["de"]).visitor(None, "en").get("sign-in")
    assert (title(german), dict(german.headers)["Vary"]) == ("Per E-Mail anmelden", "Cookie")


def test_page_that_a_cache_gives_to_others() -> None:
    """RFC 9110, 12.5.5: where languages are chosen, a page says that it depends on them, once, and on the cookies."""
    visitor = Site(languages=["en", "de"]).visitor(None, "de")
    for path in ("", "sign-in", "x", "new"):
        reply = visitor.get(path)
        assert [value for name, value in reply.headers if name == "Vary"] == ["Cookie, Accept-Language"]


def test_redirect_in_a_language() -> None:
    """A redirect says nothing, and so depends on no language."""
    site = Site(languages=ALL)
    headers = dict(site.visitor(None, "de").get(site.sign_in().token).headers)
    assert headers["Vary"] == "Cookie"
    assert "Content-Language" not in headers


def everything(site: Site, visitor: Visitor) -> list[Reply]:
    """Return every kind of page that a visitor can come to."""
    link, document = site.sign_in(), site.invoice()
    confirm = visitor.click(link)
    pages = [confirm, visitor.get("x"), visitor.ask("PUT"), site.visitor(None, *visitor.languages).get()]
    pages += [visitor.get("sign-in"), site.conversation.show_closed(visitor.request(), 0)]
    pages += [visitor.ask("POST", headers={"origin": "https://evil.example"})]
    pages += [visitor.press(visitor.get("sign-in"), email=ANN), visitor.ask("GET", query=(("token", "x"),))]
    visitor.signed_in_as = "bob"
    pages += [visitor.click(link)]
    visitor.signed_in_as = None
    site.tick(days=14)
    pages += [visitor.click(link), visitor.click(document)]
    pages += [visitor.press(pages[-1])]
    site.links.revoke(link.link_id)
    return [*pages, visitor.click(link)]


@pytest.mark.parametrize("describe", [None, lambda info: "«it»"])
def test_text_that_escaped_the_translation(describe: object) -> None:
    """A language that puts brackets around every sentence shows one that was left out, on any page or in any mail."""
    site = Site(languages=[MARKED.tag], translations=marked, describe=describe)
    shown = [render(reply.page) for reply in everything(site, site.visitor()) if reply.page is not None]
    assert len({re.findall('data-page="(.+?)"', html)[0] for html in shown}) >= 10
    for html in shown:
        seen = re.sub(r"<style>.*?</style>", "", html, flags=re.S)
        assert unmarked(unescape(re.sub(r"<[^>]*>", " ", seen))) == "", html
    assert len(site.outbox) == 2
    for mail in site.outbox.messages:
        assert unmarked(mail.text.replace(mail.url, "")) == ""
        assert unmarked(mail.subject) == ""
        assert f'<html lang="{MARKED.tag}">' in mail.html


@pytest.mark.parametrize("language", ALL)
def test_page_that_cannot_be_shown(language: str) -> None:
    """Every page and every mail can be filled in, in each language, and no placeholder is left."""
    site = Site(languages=[language], describe=lambda info: "Rechnung 1001")
    for reply in everything(site, site.visitor()):
        assert reply.page is not None
        assert "{" not in f"{reply.page.title}{reply.page.paragraphs}{reply.page.buttons}"
    assert not any("{" in mail.text + mail.subject for mail in site.outbox.messages)
    assert len(site.outbox) == 2


def test_sign_in_mail_in_the_language_of_its_browser() -> None:
    """A sign-in link that is asked for on a French page comes in a French mail."""
    site = Site(languages=ALL)
    visitor = site.visitor(None, "fr-CA", "en")
    visitor.press(visitor.get("sign-in"), email=ANN)
    assert site.outbox.last.subject == "Se connecter à votre compte"
    assert site.outbox.last.text.startswith("Bonjour, ce lien vous connecte à votre compte\u00a0:\n")
    assert '<html lang="fr">' in site.outbox.last.html


def test_fresh_link_in_the_language_of_its_browser() -> None:
    """A fresh link that is asked for on a German page comes in a German mail, whoever asked first."""
    site = Site(languages=ALL, describe=lambda info: {"en": "Invoice 1001", "de": "Rechnung 1001"})
    link = site.invoice()
    site.tick(days=14)
    visitor = site.visitor(None, "de-CH")
    ended = visitor.click(link)
    assert title(ended) == "Dieser Link ist abgelaufen"
    assert ended.page is not None
    assert "Der Link führte zu „Rechnung 1001“." in ended.page.paragraphs[0]
    assert told(visitor.press(ended)) == "200 sent"
    assert site.outbox.last.text.startswith("Guten Tag, mit diesem Link öffnen Sie Rechnung 1001:\n")
    assert (site.outbox.last.to, site.outbox.last.subject) == (ANN, "Rechnung 1001")


def test_account_in_the_language_of_its_browser() -> None:
    """What signs in is named in the reader's language before and after it has ended, by the app or by the page."""
    for describe, before, after in (
        (None, "In Ihrem Konto anmelden", "Der Link führte zu Ihrem Konto."),
        (lambda info: {"en": "Hill", "de": "Hügel"}, "Bei Hügel anmelden", "Der Link führte zu „Hügel“."),
    ):
        site = Site(languages=ALL, describe=describe)
        visitor = site.visitor(None, "de")
        link = site.sign_in()
        assert title(visitor.click(link)) == before
        site.tick(minutes=10)
        ended = visitor.click(link).page
        assert ended is not None
        assert ended.paragraphs[0].endswith(after)


def test_language_that_tells_of_an_address() -> None:
    """Known or not, an address gets the same page and the same job, but for what was typed."""
    site = Site(languages=ALL)
    visitor = site.visitor(None, "es")
    form = tuple(form_of(visitor.get("sign-in")).items())
    replies = [
        run(site.conversation.answer(visitor.request("POST", "sign-in", form=(("email", email), *form[1:]))))
        for email in (ANN, "nobody@acme.example")
    ]
    assert len({(reply.status, reply.headers, reply.page) for reply in replies}) == 1
    assert [reply.after.language for reply in replies if reply.after] == ["es", "es"]


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        (None, "In Ihrem Konto anmelden"),
        ("", "In Ihrem Konto anmelden"),
        ("de", "In Ihrem Konto anmelden"),
        ("en-US", "Sign in to your account"),
        ("fr_FR", "Se connecter à votre compte"),
        ("ja", "In Ihrem Konto anmelden"),
        ("../fr", "In Ihrem Konto anmelden"),
    ],
)
def test_language_of_what_the_app_sends(language: str | None, subject: str) -> None:
    """The app says in which language a mail is; one that the site doesn't offer is the site's own."""
    site = Site(languages=["de", "en", "fr"])
    run(site.conversation.send(site.sign_in(), to=ANN, language=language))
    assert site.outbox.last.subject == subject


def test_job_of_another_configuration() -> None:
    """A job that waited while the site changed its languages is done in the site's own; so is one without any."""
    site = Site(languages=["de", "fr"])
    for language in ("es", "", "x" * 1_000):
        run(site.conversation.run(Job(task=Task.SIGN_IN, source=None, address=ANN, language=language)))
        assert site.outbox.last.subject == "In Ihrem Konto anmelden"


class Friendly(NullTranslations):
    """An app's own word for one button."""

    def gettext(self, message: str) -> str:
        """Say one thing in another way."""
        return "Los geht’s" if message == "Sign in" else message


def test_sentence_of_the_app() -> None:
    """What the app's catalogue has goes before ours, on pages and in mails; all else stays ours."""
    site = Site(languages=["en", "de"], translations=lambda tag: Friendly() if tag == "de" else None)
    page = site.visitor(None, "de").click(site.sign_in()).page
    assert page is not None
    assert (page.title, page.buttons[0].label) == ("In Ihrem Konto anmelden", "Los geht’s")
    run(site.conversation.send(site.sign_in(), to=ANN, language="de"))
    assert ">Los geht’s</a>" in site.outbox.last.html


def test_languages_that_cannot_work() -> None:
    """A language without a catalogue is ConfigurationError when the app starts."""
    with pytest.raises(ConfigurationError, match="nl isn't shipped"):
        Site(languages=["en", "nl"])


class Hebrew(NullTranslations):
    """A language that is written from right to left."""

    def gettext(self, message: str) -> str:
        """Write the name of the original behind Hebrew letters."""
        return f"שלום {message}"


def test_language_from_right_to_left() -> None:
    """Pages and mails take their direction from their words, and the link stays whole on a line of its own."""
    site = Site(SIGN_IN, languages=["he"], translations=lambda tag: Hebrew())
    visitor = site.visitor()
    page = visitor.get("sign-in").page
    assert page is not None
    assert '<html lang="he">' in render(page)
    assert '<body dir="auto">' in render(page)
    visitor.press(visitor.get("sign-in"), email=ANN)
    assert '<html lang="he">' in site.outbox.last.html
    assert '<body dir="auto"' in site.outbox.last.html
    assert site.outbox.last.url.startswith("https://billing.example/l/")
