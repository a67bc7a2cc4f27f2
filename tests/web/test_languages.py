"""Which language a reader gets, and whose sentence: the app's own, ours, or the English of the code."""

from __future__ import annotations

from gettext import NullTranslations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink import ConfigurationError
from magiclink.web import Language
from magiclink.web.languages import ENGLISH, LONGEST_TAG, MOST_TAGS, SHIPPED, Languages, parse_accept_language

if TYPE_CHECKING:
    from collections.abc import Sequence

OPEN = "Open {about}"


class Own(NullTranslations):
    """A catalogue of an app, with one sentence of its own."""

    def __init__(self, **sentences: str) -> None:
        super().__init__()
        self.sentences = sentences

    def gettext(self, message: str) -> str:
        """Return the sentence that was given under the first word of the original."""
        return self.sentences.get(message.split(maxsplit=1)[0].lower(), message)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the sentence for any number."""
        return self.sentences.get("any", one if count == 1 else many)


@pytest.mark.parametrize(
    ("reads", "gets"),
    [
        ([], "en"),
        (["de"], "de"),
        (["de-AT"], "de"),
        (["DE-at"], "de"),
        (["de_AT"], "de"),
        (["de-Latn-AT-1901"], "de"),
        (["zh-Hant-TW"], "en"),
        (["it", "de-CH", "en"], "de"),
        (["en-GB", "de"], "en"),
        (["de", "en"], "de"),
        (["pt-BR"], "pt-BR"),
        (["pt-br-x-own"], "pt-BR"),
        (["pt"], "en"),
        (["pt-PT"], "en"),
        (["*", "de"], "de"),
        (["d", "deutsch", "de"], "de"),
    ],
)
def test_language_of_somebody_else(reads: Sequence[str], gets: str) -> None:
    """RFC 4647, 3.4: the first of the reader's languages that is offered, itself or shortened; or else the site's."""
    offered = Languages(["en", "de", "pt-BR"], lambda tag: Own())
    assert offered.choose(reads).tag == gets


def test_region_that_is_offered_beside_its_language() -> None:
    """RFC 4647, 3.4: a tag is shortened from its end, and no further than needed."""
    offered = Languages(["en", "de", "de-AT"])
    assert offered.choose(["de-AT-1996"]).tag == "de-AT"
    assert offered.choose(["de-CH"]).tag == "de"


def test_site_that_is_not_english() -> None:
    """A reader of none of the languages gets the site's own, which is the first."""
    offered = Languages(["de", "en"])
    assert [each.tag for each in offered] == ["de", "en"]
    assert offered.choose(["ja"]).tag == "de"
    assert offered.choose(["ja", "en-US"]).tag == "en"


HOSTILE = [
    "",
    " ",
    "-",
    "de-",
    "-de",
    "de--AT",
    "dе",  # a Cyrillic е
    "ｄｅ",
    "de\n",
    "de\r\nX-Evil: 1",
    "de\0",
    "../de",
    "de/../fr",
    "de AT",
    "d" * 9,
    "\ud800",
    "<script>",
    "de-" + "x" * LONGEST_TAG,
    "de" * 100_000,
    "de" + "-a" * 100_000,
]


@pytest.mark.parametrize("tag", HOSTILE)
def test_hostile_tag(tag: str) -> None:
    """What is no tag, or too long for one, is passed over; what follows it is read."""
    offered = Languages(["en", "de", "fr"])
    assert offered.choose([tag]).tag == "en"
    assert offered.choose([tag, "fr"]).tag == "fr"
    assert offered.choose(parse_accept_language(f"fr,{tag}")).tag == "fr"


def test_letter_that_resembles_another() -> None:
    """A tag is ASCII before its case is folded: the Kelvin sign, whose lower case is k, is no letter of one."""
    offered = Languages(["en", "ko"], lambda tag: NullTranslations())
    assert [offered.choose([tag]).tag for tag in ("KO", "\u212ao")] == ["ko", "en"]


def test_tag_of_the_longest_length() -> None:
    """RFC 5646, 4.4.1: a tag of 35 characters is one, a longer one is none."""
    longest = "de-" + "-".join(["abcdefgh"] * 3 + ["abcde"])
    assert len(longest) == LONGEST_TAG
    assert Languages(["en", "de"]).choose([longest]).tag == "de"
    assert Languages(["en", "de"]).choose([longest + "f"]).tag == "en"
    assert Language(longest).tag == longest


def test_languages_without_end() -> None:
    """Only the first languages of a reader are looked at, however many a request names."""
    offered = Languages(["en", "de"])
    assert offered.choose(["xx"] * (MOST_TAGS - 1) + ["de"]).tag == "de"
    assert offered.choose(["xx"] * MOST_TAGS + ["de"]).tag == "en"
    assert len(parse_accept_language(",".join(["de"] * 1_000))) == MOST_TAGS
    assert parse_accept_language("x" * 10_000_000 + ",de") == ()


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", ()),
        ("de", ("de",)),
        ("de-AT,de;q=0.8,en;q=0.5", ("de-AT", "de", "en")),
        ("en;q=0.5, de;q=0.8,\tde-AT", ("de-AT", "de", "en")),
        ("da, en-gb;q=0.8, en;q=0.7", ("da", "en-gb", "en")),
        ("de;q=0.5,fr;q=0.5", ("de", "fr")),
        ("de;q=1.000,fr;q=1", ("de", "fr")),
        ("de ; Q=0.1 , fr", ("fr", "de")),
        ("fr;q=0,de", ("de",)),
        ("fr;q=0.000,de", ("de",)),
        ("*,de;q=0.5", ("de",)),
        ("de;q=2,fr", ("fr",)),
        ("de;q=0.1234,fr", ("fr",)),
        ("de;q=-1,fr", ("fr",)),
        ("de;q=nan,fr;q=inf,en;q=1e3", ()),
        ("de;q=,fr;,en;x=1", ("fr",)),
        (",,de,,", ("de",)),
    ],
)
def test_order_of_preference(header: str, tags: Sequence[str]) -> None:
    """RFC 9110, 12.5.4: by weight, then by order; what has no weight, or none that is one, isn't wanted."""
    assert parse_accept_language(header) == tags


@given(st.text(), st.lists(st.text(), max_size=20))
def test_any_request(header: str, tags: list[str]) -> None:
    """Whatever a browser says, there is a language for it."""
    offered = Languages(["en", "de"])
    assert offered.choose(parse_accept_language(header)).tag in {"en", "de"}
    assert offered.choose(tags).tag in {"en", "de"}


@pytest.mark.parametrize("tag", [*HOSTILE, None, 7, b"de", ["de"]])
def test_offered_language_that_is_none(tag: Any) -> None:
    """What the site itself offers must be a tag: it stands in headers and in HTML."""
    with pytest.raises(ConfigurationError, match="languages"):
        Languages(["en", tag])
    with pytest.raises(ConfigurationError, match="languages"):
        Language(tag, Own())


@pytest.mark.parametrize("tags", [[], (), "de", "", ["de", "en", "DE"], ["en", "en"]])
def test_list_of_languages_that_is_none(tags: Any) -> None:
    """No language at all, one twice, or a text where a list belongs is ConfigurationError."""
    for translations in (None, lambda tag: Own()):
        with pytest.raises(ConfigurationError, match="languages"):
            Languages(tags, translations)


def test_language_that_nobody_speaks() -> None:
    """A language that isn't shipped needs a catalogue of the app's own."""
    for translations in (None, lambda tag: None):
        with pytest.raises(ConfigurationError, match="nl isn't shipped"):
            Languages(["en", "nl"], translations)
    assert Languages(["nl"], lambda tag: Own(open="{about} openen")).choose([]).gettext(OPEN) == "{about} openen"


def test_translations_that_are_none() -> None:
    """What isn't a catalogue is refused when the site starts, and not at its first reader."""
    wrong: Any = {"Open": "Öffnen"}
    with pytest.raises(ConfigurationError, match="translations"):
        Languages(["de"], lambda tag: wrong)


def test_catalogue_asked_for_again() -> None:
    """The app is asked for each catalogue once, when the site starts, by the tag as it was offered."""
    asked: list[str] = []
    offered = Languages(["en-GB", "de"], asked.append)
    offered.choose(["de"]).gettext(OPEN)
    assert asked == ["en-GB", "de"]


@pytest.mark.parametrize("tag", SHIPPED)
def test_region_of_a_shipped_language(tag: str) -> None:
    """`de-AT` speaks as `de` does, under its own name."""
    region = Language(f"{tag}-XX")
    assert region.tag == f"{tag}-XX"
    assert region.gettext(OPEN) == Language(tag).gettext(OPEN)
    assert repr(region) == f"<Language {tag}-XX>"


def test_order_of_catalogues() -> None:
    """The app's own sentence goes before ours, ours before the English."""
    german = Language("de", Own(open="Zeigen: {about}"))
    assert german.gettext(OPEN) == "Zeigen: {about}"
    assert german.gettext("Sign in") == "Anmelden"
    assert german.gettext("A sentence of nobody's") == "A sentence of nobody's"
    assert german.ngettext("a day ago", "{count} days ago", 1) == "vor einem Tag"
    assert german.ngettext("a day ago", "{count} days ago", 3) == "vor {count} Tagen"
    assert Language("de", Own(any="damals")).ngettext("a day ago", "{count} days ago", 1) == "damals"


def test_english_of_ones_own() -> None:
    """English has no catalogue, and an app may have one."""
    assert Language("en", Own(open="Show {about}")).gettext(OPEN) == "Show {about}"
    assert ENGLISH.gettext(OPEN) == OPEN
    assert ENGLISH.ngettext("a day ago", "{count} days ago", 1) == "a day ago"
    assert ENGLISH.ngettext("a day ago", "{count} days ago", 2) == "{count} days ago"


@pytest.mark.parametrize(
    "broken",
    ["{abuot}", "{}", "{0}", "{about", "about}", "{about.x}", "{about[x]}", "{about[0]}", "{about:d}", "{x!z}"],
)
def test_sentence_that_cannot_be_filled_in(broken: str) -> None:
    """A sentence of the app's that couldn't be filled in is passed over: the page is shown, with ours."""
    assert Language("de", Own(open=broken)).gettext(OPEN) == "{about} öffnen"
    assert Language("nl", Own(open=broken)).gettext(OPEN) == OPEN
    assert Language("de", Own(any=broken)).ngettext("a day ago", "{count} days ago", 2) == "vor {count} Tagen"


def test_sentence_that_leaves_something_out() -> None:
    """A sentence need not say all that the original says."""
    assert Language("de", Own(open="Öffnen")).gettext(OPEN) == "Öffnen"


def test_catalogue_that_is_changed() -> None:
    """The app's catalogue stays as it was: ours isn't hung behind what the app uses for itself as well."""
    own = Own()
    assert Language("de", own).gettext("Sign in") == "Anmelden"
    assert own.gettext("Sign in") == "Sign in"


def test_catalogue_read_again() -> None:
    """Catalogues are read once, whatever is made of them."""
    assert Language("de")._catalogues[0] is Language("de-AT", Own())._catalogues[1]
