"""The languages of pages and mails: those that the site offers, and which of them a reader gets.

The texts in the code are English; catalogues in `locale/` have them in other languages, and an app's own catalogue goes
before ours. What may not happen here: a file named by a request, work that grows with what a request says, and a
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
"""The languages that the library speaks by itself."""

MOST_TAGS = 16
"""How many languages of a reader are looked at."""

LONGEST_TAG = 35
"""Characters of a language tag (RFC 5646, 4.4.1); a longer one is passed over."""

LONGEST_HEADER = 1_000
"""Characters of an Accept-Language that are read."""

_LOCALES = Path(__file__).with_name("locale")

TEMPLATE = _LOCALES / "magiclink.pot"
"""What a catalogue of another language is begun with."""

_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_WEIGHT = re.compile(r"[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@runtime_checkable
class Catalogue(Protocol):
    """Sentences in one language: any of `gettext`'s, such as `GNUTranslations`."""

    def gettext(self, message: str, /) -> str:
        """Translate a sentence; the same one comes back where there is none."""
        ...

    def ngettext(self, one: str, many: str, count: int, /) -> str:
        """Translate a sentence with a number."""
        ...


class Language:
    """One language that pages and mails are in, by its tag, such as `de` or `de-AT`.

    A sentence is looked for in the app's `own` catalogue, then in ours, and is English where neither has it. One whose
    placeholders aren't those of the original is passed over: it couldn't be filled in.

    Raises ConfigurationError for what is no tag, and for a language that neither of the two speaks.
    """

    __slots__ = ("_catalogues", "tag")

    def __init__(self, tag: str, own: Catalogue | None = None) -> None:
        if own is not None and not isinstance(own, Catalogue):
            raise ConfigurationError(f"translations: gettext's translations or None, for {tag}")
        shipped = _lookup([_checked(tag)], SHIPPED)
        if own is None and shipped is None:
            raise ConfigurationError(f"languages: {tag} isn't shipped, and translations has no catalogue for it")
        ours = _shipped(shipped) if shipped and shipped != "en" else None
        self.tag: str = tag
        self._catalogues: tuple[Catalogue, ...] = tuple(each for each in (own, ours) if each is not None)

    def __repr__(self) -> str:
        return f"<Language {self.tag}>"

    def gettext(self, text: str) -> str:
        """Return a sentence in this language."""
        found = (each.gettext(text) for each in self._catalogues)
        return next((told for told in found if told != text and _fits(told, text)), text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return a sentence with a number, in the form that this language has for it."""
        found = (each.ngettext(one, many, count) for each in self._catalogues)
        english = one if count == 1 else many
        return next((told for told in found if told not in (one, many) and _fits(told, many)), english)


class Languages:
    """The languages that a site offers, best first; the first is what readers of other ones get.

    `translations(tag)` gives the app's own catalogue for a language, or None; it's asked once for each.

    Raises ConfigurationError for a list without a language, or with one twice, and as Language does.
    """

    def __init__(self, tags: Sequence[str], translations: Callable[[str], Catalogue | None] | None = None) -> None:
        # A text is a sequence of texts as well: "de" would be two languages, d and e.
        if isinstance(tags, str) or not tags:
            raise ConfigurationError("languages: a list of tags, the site's own language first")
        if len({_checked(tag).lower() for tag in tags}) < len(tags):
            raise ConfigurationError("languages: each of them once")
        own = translations or _nothing
        self._offered = {tag: Language(tag, own(tag)) for tag in tags}

    def __iter__(self) -> Iterator[Language]:
        return iter(self._offered.values())

    def __len__(self) -> int:
        return len(self._offered)

    def preferred(self, tags: Iterable[str]) -> Language:
        """Return the best language for who reads these, best first; what is no tag is passed over (RFC 4647, 3.4)."""
        found = _lookup(tags, self._offered)
        return next(iter(self)) if found is None else self._offered[found]


def parse_accept_language(header: str) -> tuple[str, ...]:
    """Return the languages of an Accept-Language, best first (RFC 9110, 12.5.4): what a adapter puts into a Request."""
    weighted = [_weighted(part) for part in header[:LONGEST_HEADER].split(",", MOST_TAGS)[:MOST_TAGS]]
    ranked = sorted(weighted, key=lambda pair: -pair[1])
    return tuple(tag for tag, weight in ranked if weight > 0)


def _weighted(part: str) -> tuple[str, float]:
    tag, _, weight = (each.strip() for each in part.partition(";"))
    found = _WEIGHT.fullmatch(weight)
    if not _TAG.fullmatch(tag) or (weight and found is None):
        return "", 0
    return tag, float(found[1]) if found else 1


def _lookup(tags: Iterable[str], offered: Iterable[str]) -> str | None:
    """Find the first of the reader's languages that is offered: `de-AT` itself, or else `de` (RFC 4647, 3.4)."""
    known = {tag.lower(): tag for tag in offered}
    for tag in islice(tags, MOST_TAGS):
        # Locales of systems and libraries are written with an underscore.
        asked = tag[: LONGEST_TAG + 1].replace("_", "-")
        if len(asked) > LONGEST_TAG or not _TAG.fullmatch(asked):
            continue
        parts = asked.lower().split("-")
        shorter = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
        found = next((known[each] for each in shorter if each in known), None)
        if found is not None:
            return found
    return None


def _checked(tag: object) -> str:
    if not (isinstance(tag, str) and len(tag) <= LONGEST_TAG and _TAG.fullmatch(tag)):
        raise ConfigurationError("languages: tags such as de or pt-BR")
    return tag


def _nothing(_: str) -> None:
    return None


@cache
def _shipped(tag: str) -> GNUTranslations:
    with (_LOCALES / tag / "LC_MESSAGES" / "magiclink.mo").open("rb") as file:
        return GNUTranslations(file)


def _fits(told: str, text: str) -> bool:
    """Return whether a translation can be filled in with what the original is filled in with."""
    try:
        told.format_map(dict.fromkeys(_PLACEHOLDER.findall(text), ""))
    except (LookupError, ValueError, AttributeError, TypeError):
        return False
    return True


ENGLISH = Language("en")
"""The language that the texts in the code are in."""
