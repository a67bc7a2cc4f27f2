"""The languages of pages and mails: those that the site offers, and which of them a reader gets.

The texts in the code are English; catalogues in `locale/` have them in other languages, and the app's catalogue goes
before ours. What may not happen here: a file named by a request, work that grows with what a request sends, and a
language that shows whether somebody is known.
"""

from __future__ import annotations

import re
from functools import cache
from gettext import GNUTranslations
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

SHIPPED = ("en", "de", "es", "fr")
"""The languages that the library has catalogues for, and English."""
MOST_TAGS = 16
"""How many of a reader's languages are read."""
LONGEST_TAG = 35
"""Characters of a language tag (RFC 5646, 4.4.1); a longer one is skipped."""
LONGEST_HEADER = 1_000
"""Characters of an Accept-Language that are read."""

_LOCALES = Path(__file__).with_name("locale")

TEMPLATE = _LOCALES / "magiclink.pot"
"""The file that a catalogue of another language is begun with."""

_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_WEIGHT = re.compile(r"[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@runtime_checkable
class Catalogue(Protocol):
    """Sentences in one language: any of `gettext`'s, such as `GNUTranslations`."""

    def gettext(self, message: str, /) -> str:
        """Translate a sentence; the same one comes back where there is none."""

    def ngettext(self, one: str, many: str, count: int, /) -> str:
        """Translate a sentence with a number."""


class Language:
    """One language that pages and mails are in, by its tag, such as `de` or `de-AT`.

    A sentence comes from the app's `catalogue`, else from ours, and is English where neither has it. A translation
    whose placeholders aren't those of the original is skipped: it couldn't be filled in.

    Raises ConfigurationError for what is no tag, and for a language without a catalogue.
    """

    __slots__ = ("_catalogues", "tag")

    def __init__(self, tag: str, catalogue: Catalogue | None = None) -> None:
        if catalogue is not None and not isinstance(catalogue, Catalogue):
            wanted = "gettext.translation(…, fallback=True) or None"
            raise ConfigurationError(f"translations: wanted {wanted} for {tag}, got {type(catalogue).__name__}")
        shipped = _look_up([_check_tag(tag)], SHIPPED)
        if catalogue is None and shipped is None:
            got = f"{tag} isn't shipped ({', '.join(SHIPPED)} are)"
            raise ConfigurationError(f"languages: {got}, and translations has no catalogue for it")
        ours = _load(shipped) if shipped and shipped != "en" else None
        self.tag: str = tag
        self._catalogues: tuple[Catalogue, ...] = tuple(each for each in (catalogue, ours) if each is not None)

    def __repr__(self) -> str:
        return f"<Language {self.tag}>"

    def gettext(self, text: str) -> str:
        """Return a sentence in this language."""
        found = (each.gettext(text) for each in self._catalogues)
        return next((each for each in found if each != text and _can_fill(each, text)), text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return a sentence with a number, in the form that this language has for it."""
        found = (each.ngettext(one, many, count) for each in self._catalogues)
        english = one if count == 1 else many
        return next((each for each in found if each not in (one, many) and _can_fill(each, many)), english)


class Languages:
    """The languages that a site offers, best first; the first is what readers of other ones get.

    `translations(tag)` returns the app's catalogue for a language, or None; it is called once for each.

    Raises ConfigurationError for a list without a language, or with one twice, and as Language does.
    """

    def __init__(self, tags: Sequence[str], translations: Callable[[str], Catalogue | None] | None = None) -> None:
        # A text is a sequence of texts as well: "de" would be two languages, d and e.
        if isinstance(tags, str) or not tags:
            wanted = 'a list of tags such as ["en", "de"], the site\'s own first'
            raise ConfigurationError(f"languages: wanted {wanted}, got {tags!r:.60}")
        if len({_check_tag(tag).lower() for tag in tags}) < len(tags):
            raise ConfigurationError(f"languages: each tag once, got {', '.join(tags)}")
        self._offered = {tag: Language(tag, translations(tag) if translations else None) for tag in tags}

    def __iter__(self) -> Iterator[Language]:
        return iter(self._offered.values())

    def choose(self, tags: Iterable[str]) -> Language:
        """Return the best language for who reads these, best first; what is no tag is skipped (RFC 4647, 3.4)."""
        found = _look_up(tags, self._offered)
        return next(iter(self)) if found is None else self._offered[found]


def mark(text: str) -> str:
    """Return a text as it is, marked for the tool that collects texts: import it as `_`; `gettext` translates it."""
    return text


def parse_accept_language(header: str) -> tuple[str, ...]:
    """Return the languages of an Accept-Language, best first (RFC 9110, 12.5.4): for `Request.languages`."""
    weighted = [_weigh(part) for part in header[:LONGEST_HEADER].split(",", MOST_TAGS)[:MOST_TAGS]]
    ranked = sorted(weighted, key=lambda pair: -pair[1])
    return tuple(tag for tag, weight in ranked if weight > 0)


def _weigh(part: str) -> tuple[str, float]:
    tag, _, weight = (each.strip() for each in part.partition(";"))
    found = _WEIGHT.fullmatch(weight)
    if not _TAG.fullmatch(tag) or (weight and found is None):
        return "", 0
    return tag, float(found[1]) if found else 1


def _look_up(tags: Iterable[str], offered: Iterable[str]) -> str | None:
    """Return the first of the reader's languages that is offered: `de-AT` itself, or else `de` (RFC 4647, 3.4)."""
    known = {tag.lower(): tag for tag in offered}
    for tag in islice(tags, MOST_TAGS):
        # Locales of systems and libraries are written with an underscore.
        wanted = tag[: LONGEST_TAG + 1].replace("_", "-")
        if len(wanted) > LONGEST_TAG or not _TAG.fullmatch(wanted):
            continue
        wanted = wanted.lower()
        while wanted and wanted not in known:
            wanted = wanted.rpartition("-")[0]
        if wanted:
            return known[wanted]
    return None


def _check_tag(tag: object) -> str:
    if not (isinstance(tag, str) and len(tag) <= LONGEST_TAG and _TAG.fullmatch(tag)):
        raise ConfigurationError(f"languages: wanted tags such as de or pt-BR, got {tag!r:.60}")
    return tag


@cache
def _load(tag: str) -> GNUTranslations:
    with (_LOCALES / tag / "LC_MESSAGES" / "magiclink.mo").open("rb") as file:
        return GNUTranslations(file)


def _can_fill(translation: str, text: str) -> bool:
    """Return whether a translation can be filled in with what the original is filled in with."""
    try:
        translation.format_map(dict.fromkeys(_PLACEHOLDER.findall(text), ""))
    except (LookupError, ValueError, AttributeError, TypeError):
        return False
    return True


ENGLISH = Language("en")
"""The language that the texts in the code are in."""
