"""The catalogues that ship: each has every sentence of the code, filled in as it is there, and nothing is stale."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import magiclink.web
from magiclink.web import Language
from magiclink.web.humanize import format_ago, format_date
from magiclink.web.languages import SHIPPED

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

WEB = Path(magiclink.web.__file__).parent
LOCALES = WEB / "locale"
TRANSLATED = sorted({*SHIPPED} - {"en"})
PLACEHOLDER = re.compile(r"\{(\w+)\}")

Ids = frozenset[str | tuple[str, ...]]


def source() -> Ids:
    """Return every sentence of the code, as the tool for catalogues finds it."""
    found = extract_from_dir(WEB, method_map=[("**.py", "python")])
    return frozenset(sentence for _, _, sentence, _, _ in found)


@cache
def catalogue(language: str) -> Catalog:
    """Read the sentences of a language as they were written."""
    with (LOCALES / language / "LC_MESSAGES" / "magiclink.po").open("rb") as file:
        return read_po(file, locale=language)


def sentences(catalog: Catalog) -> list[Message]:
    """Return the sentences of a catalogue, without its header."""
    return [message for message in catalog if message.id]


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """Return the forms of a sentence: one, or one for each kind of number."""
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def test_catalogues_that_are_there() -> None:
    """What ships is what the library says that it speaks."""
    assert sorted(path.name for path in LOCALES.iterdir() if path.is_dir()) == TRANSLATED
    assert len(source()) > 100


def test_template_that_is_stale() -> None:
    """The template that new languages are begun with has the sentences of the code."""
    with (LOCALES / "magiclink.pot").open("rb") as file:
        assert {message.id for message in sentences(read_po(file))} == source()


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentence_that_is_missing(language: str) -> None:
    """Each catalogue has every sentence of the code and no other, none empty, none a guess, none left over."""
    catalog = catalogue(language)
    assert {message.id for message in sentences(catalog)} == source()
    assert [message.id for message in sentences(catalog) if not all(forms(message.string))] == []
    assert [message.id for message in sentences(catalog) if message.fuzzy] == []
    assert not catalog.obsolete
    assert not catalog.fuzzy


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentence_in_english(language: str) -> None:
    """Only the names of months may be the same in two languages."""
    same = {message.id for message in sentences(catalogue(language)) if message.id == message.string}
    assert same <= {"April", "August", "September", "November"}


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_that_differ(language: str) -> None:
    """A sentence is filled in with what the original is filled in with, and so is each form of a number."""
    for message in sentences(catalogue(language)):
        for original, translation in zip(forms(message.id), forms(message.string), strict=True):
            assert sorted(PLACEHOLDER.findall(translation)) == sorted(PLACEHOLDER.findall(original)), message.id
            assert "{" not in translation.format_map(dict.fromkeys(PLACEHOLDER.findall(original), "x"))


@pytest.mark.parametrize("language", TRANSLATED)
def test_spaces_and_ends_that_differ(language: str) -> None:
    """A sentence ends as the original does, has no space too many, and says no less by half."""
    for message in sentences(catalogue(language)):
        for original, translation in zip(forms(message.id), forms(message.string), strict=True):
            assert translation == translation.strip()
            assert "  " not in translation
            assert (original[-1] in ".?:") == (translation[-1] in ".?:"), translation
            assert len(original) < 40 or len(original) / 2 < len(translation) < 2 * len(original), translation


@pytest.mark.parametrize("language", TRANSLATED)
def test_compiled_catalogue_that_is_stale(language: str) -> None:
    """What is read at run time is what was written, and it is what the language says."""
    with (LOCALES / language / "LC_MESSAGES" / "magiclink.mo").open("rb") as file:
        compiled = {forms(message.id): forms(message.string) for message in sentences(read_mo(file))}
    assert compiled == {forms(message.id): forms(message.string) for message in sentences(catalogue(language))}
    loaded = Language(language)
    for (one, *many), translation in compiled.items():
        found = [loaded.ngettext(one, many[0], count) for count in (1, 2)] if many else [loaded.gettext(one)]
        assert tuple(found) == translation


@pytest.mark.parametrize("language", TRANSLATED)
def test_reader_who_is_addressed_as_a_friend(language: str) -> None:
    """Invoices come from businesses: German says Sie, French vous, Spanish usted."""
    familiar = {
        "de": r"\b(du|dein\w*|dir|dich|klicke|öffne|gib)\b",
        "fr": r"\b(tu|toi|ton|ta|tes|clique|ouvre-le)\b",
        "es": r"\b(tú|tu|tus|te|haz|abre tu|pulsa|necesitas)\b",
    }[language]
    translation = [text for message in sentences(catalogue(language)) for text in forms(message.string)]
    assert [text for text in translation if re.search(familiar, text, re.I)] == []


def test_french_without_its_spaces() -> None:
    """French puts a space that doesn't break before a colon and inside of guillemets, a narrow one before ; and ?."""
    for message in sentences(catalogue("fr")):
        for translation in forms(message.string):
            assert not re.search(r"[^\u00a0]:(?!\w)|«[^\u00a0]|[^\u00a0]»|[^\u202f][;?!]", translation), translation
            assert "'" not in translation


def test_german_and_spanish_quotes() -> None:
    """„German“ and «Spanish» have their own marks, and questions in Spanish have two."""
    assert not any('"' in text or "”" in text for each in sentences(catalogue("de")) for text in forms(each.string))
    spanish = [text for each in sentences(catalogue("es")) for text in forms(each.string)]
    assert all(text.count("¿") == text.count("?") and '"' not in text for text in spanish)


AT = datetime(2026, 1, 19, 9, 0, tzinfo=UTC)

DATES = {
    "en": ("Monday, 19 January 2026 (09:00 UTC)", "Sunday, 1 March 2026 (09:00 UTC)"),
    "de": ("Montag, 19. Januar 2026 (09:00 Uhr UTC)", "Sonntag, 1. März 2026 (09:00 Uhr UTC)"),
    "fr": ("lundi 19 janvier 2026 (09:00 UTC)", "dimanche 1er mars 2026 (09:00 UTC)"),
    "es": ("lunes 19 de enero de 2026 (09:00 UTC)", "domingo 1 de marzo de 2026 (09:00 UTC)"),
}


@pytest.mark.parametrize("language", SHIPPED)
def test_date_that_nobody_would_write(language: str) -> None:
    """Dates are written as the language writes them; the first of a month is an ordinal in French."""
    days = (AT, datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
    assert tuple(format_date(day, Language(language)) for day in days) == DATES[language]


SPANS = {
    "de": ("gerade eben", "vor einer Minute", "vor 5 Stunden", "gestern", "vor einem Tag", "vor 2 Wochen"),
    "fr": ("à l’instant", "il y a une minute", "il y a 5 heures", "hier", "il y a un jour", "il y a 2 semaines"),
    "es": ("hace un momento", "hace un minuto", "hace 5 horas", "ayer", "hace un día", "hace 2 semanas"),
}


@pytest.mark.parametrize("language", TRANSLATED)
def test_span_in_the_wrong_number(language: str) -> None:
    """One and several have the forms that the language does."""
    spans = [timedelta(0), timedelta(minutes=1), timedelta(hours=5), timedelta(days=1), timedelta(hours=46)]
    translation = [format_ago(AT, AT + span, Language(language)) for span in [*spans, timedelta(days=14)]]
    assert tuple(translation) == SPANS[language]
