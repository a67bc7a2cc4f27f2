"""The admin in other languages: each catalogue has every sentence of the code and the templates, and staff read it."""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django.conf
import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract, extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.apps import apps
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation.template import templatize

import magiclink.django
from magiclink.django.i18n import _ as translate
from magiclink.django.i18n import ngettext
from magiclink.django.models import Link
from magiclink.web.languages import SHIPPED
from tests.django.desk import LIST, Desk, browser, customer, listed, page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from babel.messages.catalog import Catalog, Message
    from django.test import Client
    from pytest_django.fixtures import Settings

PACKAGE = Path(magiclink.django.__file__).parent
DJANGO = Path(django.conf.__file__).parent
LOCALES = PACKAGE / "locale"
TRANSLATED = sorted({*SHIPPED} - {"en"})
CONTEXT = "magiclink"
OURS = {"_": None, "ngettext": (1, 2)}
"""What `i18n.py` marks with its context."""
OTHERS = {**{name: spec for name, spec in DEFAULT_KEYWORDS.items() if name not in OURS}, "gettext_lazy": None}
"""What marks a sentence without one, or says it itself."""
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?.")
BORROWED = {"Home", "No, take me back"}
"""Sentences that our templates share with the admin's own, which says them in its own way."""
SAME = {"fr": {"destination"}}

Ids = frozenset[str | tuple[str, ...]]
Marked = list[tuple[str | tuple[str, ...], str | None]]
Forms = dict[tuple[str | None, tuple[str, ...]], tuple[str, ...]]


@cache
def source() -> Ids:
    """Return every sentence of the code and the templates, without those that are the admin's own."""
    assert not code(OTHERS)
    marked: Marked = [(each, CONTEXT) for each in code(OURS)]
    for template in (PACKAGE / "templates").rglob("*.html"):
        marked += in_template(template)
    bare = {each for each, context in marked if context is None}
    assert bare == BORROWED
    return frozenset(each for each, context in marked if context == CONTEXT)


def code(keywords: Mapping[str, Any]) -> Ids:
    """Return what is marked in the code by these names."""
    found = extract_from_dir(PACKAGE, method_map=[("**.py", "python")], keywords=keywords)
    return frozenset(each for path, _, each, _, _ in found if path != "i18n.py")


def in_template(template: Path) -> Marked:
    """Return what is marked in a template, each with its context."""
    marked = BytesIO(templatize(template.read_text(encoding="utf-8")).encode())
    return [(each, context) for _, each, _, context in extract("javascript", marked, DEFAULT_KEYWORDS)]


@cache
def catalogue(language: str) -> Catalog:
    """Read the sentences of a language as they were written."""
    with (LOCALES / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def compiled(folder: Path, language: str) -> Forms:
    """Read the sentences of a language as Django does."""
    with (folder / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        return forms_by_id(read_mo(file))


def sentences(catalog: Catalog) -> list[Message]:
    """Return the sentences of a catalogue, without its header."""
    return [message for message in catalog if message.id]


def forms_by_id(catalog: Catalog) -> Forms:
    """Return what a catalogue says by the context and the original."""
    return {(named(message.context), forms(message.id)): forms(message.string) for message in sentences(catalog)}


def named(context: str | bytes | None) -> str | None:
    """Return a context as it was written: out of a compiled catalogue Babel gives its bytes."""
    return context.decode() if isinstance(context, bytes) else context


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """Return the forms of a sentence: one, or one for each kind of number."""
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def reader(language: str) -> Client:
    """Open the browser of one of the staff who prefers a language."""
    client = browser("view_link", "change_link")
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    return client


def heads(html: str) -> list[str]:
    """Return the heads of the columns of a list, without the one of the boxes."""
    return re.findall(r'<th scope="col" class="column-.*?<span>([^<]+)</span>', html, re.S)


def texts(html: str) -> set[str]:
    """Return what stands between two tags, or on a button, of a page."""
    found = re.findall(r">([^<>]+)<", html) + re.findall(r'value="([^"]+)"', html)
    return {text.strip().rstrip(":") for text in found}


def english(language: str) -> set[str]:
    """Return the sentences, as pages write them, that a page in another language hasn't got."""
    written = {text for message in sentences(catalogue(language)) for text in forms(message.string)}
    originals = {text.rstrip(":") for each in source() for text in forms(each)}
    return (originals | {capfirst(text) for text in originals}) - written - {capfirst(text) for text in written}


def test_catalogues_that_are_there() -> None:
    """The admin speaks the languages that the pages speak."""
    assert sorted(path.name for path in LOCALES.iterdir()) == TRANSLATED
    assert len(source()) > 50


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentence_that_is_missing(language: str) -> None:
    """Each catalogue has every sentence and no other, none empty, none a guess, none left over."""
    catalog = catalogue(language)
    assert {message.id for message in sentences(catalog)} == source()
    assert {message.context for message in sentences(catalog)} == {CONTEXT}
    assert [message.id for message in sentences(catalog) if not all(forms(message.string))] == []
    assert [message.id for message in sentences(catalog) if message.fuzzy] == []
    assert not catalog.obsolete
    assert not catalog.fuzzy


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentence_in_english(language: str) -> None:
    """Only words that two languages share are the same in both."""
    same = {message.id for message in sentences(catalogue(language)) if message.id == message.string}
    assert same == SAME.get(language, set())


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_and_ends_that_differ(language: str) -> None:
    """A sentence is filled in with what the original is filled in with, and ends as it does."""
    for message in sentences(catalogue(language)):
        for original, translated in zip(forms(message.id), forms(message.string), strict=True):
            assert PLACEHOLDER.findall(translated) == PLACEHOLDER.findall(original), message.id
            assert (original[-1] in ".:") == (translated[-1] in ".:"), translated
            assert translated == " ".join(translated.split(" ")).strip(), translated


@pytest.mark.parametrize("language", TRANSLATED)
def test_compiled_catalogue_that_is_stale(language: str) -> None:
    """What is read at run time is what was written, and it is what Django says, for one and for several."""
    written = forms_by_id(catalogue(language))
    assert compiled(LOCALES, language) == written
    with translation.override(language):
        for (_, (one, *many)), each in written.items():
            found = [ngettext(one, many[0], n) for n in (1, 2)] if many else [str(translate(one))]
            assert tuple(found) == each


@cache
def others(language: str) -> Mapping[str, str]:
    """Return what a site with our admin says of its own, in the order in which Django asks its apps."""
    folders = [Path(config.path) for config in apps.get_app_configs() if config.path != str(PACKAGE)]
    places = [place for place in (DJANGO, *reversed(folders)) if (place / "locale" / language).exists()]
    known = [compiled(place / "locale", language) for place in places]
    return {one: each[0] for forms_of in known for (context, (one, *_)), each in forms_of.items() if context is None}


@pytest.mark.parametrize("language", TRANSLATED)
def test_word_of_the_site(language: str) -> None:
    """A site's own "subject" isn't ours: every word of ours, without our context, is what Django says without us."""
    theirs = others(language)
    assert theirs.keys() >= BORROWED
    assert "subject" not in theirs
    with translation.override(language):
        assert translation.gettext("subject") == "subject"
        for one in {forms(each)[0] for each in source()}:
            assert translation.gettext(one) == theirs.get(one, one)


HEADS = {
    "de": "Link-ID Zweck Inhaber Ressource Status Ausgestellt Zugestellt Läuft_ab Zuletzt_verwendet",
    "fr": "Identifiant_du_lien Finalité Titulaire Ressource État Émis Remis Expire Dernière_utilisation",
    "es": "Identificador_del_enlace Finalidad Titular Recurso Estado Emitido Entregado Caduca Último_uso",
}


@pytest.mark.django_db
@pytest.mark.parametrize("language", TRANSLATED)
def test_list_in_english(settings: Settings, language: str) -> None:
    """Staff who prefer a language read the list in it, a region's as well: its heads, its states, its actions."""
    link = Desk(settings).invoice(customer())
    html = page(reader(f"{language}-XX, en;q=0.5"), LIST)
    assert heads(html) == [head.replace("_", " ") for head in HEADS[language].split()]
    assert not texts(html) & english(language)
    assert listed(html) == [link.link_id]


@pytest.mark.django_db
@pytest.mark.parametrize("language", TRANSLATED)
def test_link_in_english(settings: Settings, language: str) -> None:
    """The page of a link, the question before it is revoked and what is told afterwards are in the language too."""
    Desk(settings).invoice(customer())
    key, client = Link.objects.get().pk, reader(language)
    detail = page(client, f"{LIST}{key}/change/")
    form = {"action": "revoke", ACTION_CHECKBOX_NAME: [key]}
    host = {"Host": "billing.example"}
    question = client.post(LIST, form, secure=True, headers=host).content.decode()
    done = client.post(LIST, {**form, "reason": "x"}, secure=True, follow=True, headers=host).content.decode()
    events = re.compile(r"<tbody>.*?</tbody>", re.S)
    assert "issue" not in texts(events.sub("", detail))
    for html in (events.sub("", detail), question, done):
        assert not texts(html) & english(language)
    with translation.override(language):
        assert str(translate("What happened")) in detail
        assert translation.gettext("No, take me back") in question
        assert ngettext("%d link was revoked.", "%d links were revoked.", 1) % 1 in done
