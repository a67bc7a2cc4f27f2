"""The HTML of every page: whole, escaped, without script or anything from elsewhere, and the same as its template's."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.records import State
from magiclink.web.html import STYLE, STYLE_HASH, render
from magiclink.web.http import Button, Field, Page
from magiclink.web.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Callable

AT = datetime(2026, 1, 19, 9, 0, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[2] / "docs" / "page-template.md"
VOID = {"meta", "input"}

HOSTILE = {
    "script": "</title></style></main><script>alert(1)</script>",
    "template": "{{ 7*7 }}{% if 1 %}{{ page }}{% endif %}{0}{title}{",
    "quotes": "\"' onmouseover=\"alert(1)\" style='x' &quot; &amp; &#60;b&#62;",
    "url": "https://evil.example/ www.evil.example javascript:alert(1) <a href=//evil.example>x</a>",
    "override": "Invoice \u202e1001\u202c\r\nSet-Cookie: x\x00\ud800",
    "long": "W" * 10_000,
}


def every(text: str) -> list[Page]:
    """Return every page, with a text wherever one can come from outside."""
    pages = Pages("/l/")
    ended = [
        pages.ended(state, text, at=at, now=AT, form=form, signs_in=False)
        for state in State
        for at in (AT, None)
        for form in ("f0rm", None)
    ]
    same = ("gone", "not-genuine", "no-cookie", "elsewhere", "sent", "unavailable", "not-allowed", "too-large")
    plain = [*map(pages.plain, same), pages.closed(None), pages.not_admitted("browser")]
    confirms = [pages.confirm(text, to=text, form="f0rm", signs_in=signs_in) for signs_in in (False, True)]
    forms = [pages.switch(text, to=text, other=text, form="f0rm"), pages.sign_in("f0rm"), pages.closed("f0rm")]
    return [*ended, *plain, *confirms, *forms, own(text)]


def own(text: str) -> Page:
    """Return a page as no method makes it: every kind of field, a second button, and the text everywhere."""
    kinds = ("hidden", "email", "password", "text")
    fields = tuple(Field(name=text, value=text, kind=kind, label=text) for kind in kinds)
    second = Button(label=text, action=text, is_main=False)
    buttons = (Button(label=text, action=text, fields=fields), second)
    return Page(name=text, title=text, paragraphs=(text, text), buttons=buttons, language=text)


class Read(HTMLParser):
    """What a browser reads: tags with their attributes, text with its spaces as one; whether all that opened closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[object] = []
        self._open: list[str] = []
        self._labelled = True
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; an attribute twice is none."""
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        self.tags.append((tag, dict(attrs)))
        self.parts.append((tag, dict(attrs)))
        if tag == "input" and dict(attrs)["type"] != "hidden":
            assert self._open[-1] == "label"
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        assert self._open.pop() == tag
        self.parts.append(tag)

    def handle_data(self, data: str) -> None:
        """Note what shows, and the style to the byte."""
        text = data if self._open[-1:] == ["style"] else " ".join(data.split())
        if text:
            self.parts.append((self._open[-1], text))

    def texts(self, tag: str) -> list[str]:
        """Return the texts of a kind of tag."""
        return [
            each[1] for each in self.parts if isinstance(each, tuple) and each[0] == tag and isinstance(each[1], str)
        ]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_text_that_becomes_markup(text: str) -> None:
    """J30: whatever a name holds, the page has the tags of a harmless one, no link, and shows the name as text."""
    for page, harmless in zip(every(text), every("Invoice 1001"), strict=True):
        read = Read(render(page))
        assert [tag for tag, _ in read.tags] == [tag for tag, _ in Read(render(harmless)).tags]
        shown = read.texts("h1")
        assert shown == [" ".join(page.title.split())]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_anything_from_elsewhere(text: str) -> None:
    """G27: no page loads, links to or runs anything: no script, no handler, no style attribute, no address."""
    for page in every(text):
        for tag, attributes in Read(render(page)).tags:
            assert tag in {"html", "head", "meta", "title", "style", "body", "main", "h1", "p", "form", "label"} | {
                "input",
                "button",
            }
            assert not {name for name in attributes if name.startswith("on")}
            assert not attributes.keys() & {"style", "src", "href", "srcset", "background", "formaction", "autofocus"}


def test_style_from_elsewhere() -> None:
    """G27: the style loads nothing either."""
    assert not re.search(r"url|@import|//|\\|expression", STYLE)


def test_form_that_submits_itself() -> None:
    """G06: no page has a script or a refresh; a form is sent by POST, by a button that a person presses."""
    for page in every("Invoice 1001"):
        read = Read(render(page))
        forms = [attributes for tag, attributes in read.tags if tag == "form"]
        buttons = [attributes for tag, attributes in read.tags if tag == "button"]
        assert [(form["method"], form["action"]) for form in forms] == [("post", each.action) for each in page.buttons]
        assert [button["type"] for button in buttons] == ["submit"] * len(page.buttons)
        assert not [attributes for _, attributes in read.tags if "http-equiv" in attributes]


def test_page_without_its_head() -> None:
    """Every page is a document in its language with one main part and one heading, for phones, and no search engine."""
    for page in every("Invoice 1001"):
        html = render(page)
        read = Read(html)
        metas = {attributes.get("name"): attributes.get("content") for tag, attributes in read.tags if tag == "meta"}
        assert html.startswith("<!DOCTYPE html>\n")
        assert read.tags[0] == ("html", {"lang": page.language})
        assert [tag for tag, _ in read.tags if tag in {"h1", "main"}] == ["main", "h1"]
        assert read.texts("title") == read.texts("h1") == [page.title]
        assert (metas["robots"], metas["color-scheme"]) == ("noindex", "light dark")
        assert metas["viewport"] == "width=device-width, initial-scale=1"


def test_page_that_leaves_something_out() -> None:
    """The page shows every paragraph, field and button, in order, and marks the way on."""
    page = Pages("/l/").closed("f0rm")
    read = Read(render(page))
    assert read.texts("p") == list(page.paragraphs)
    assert (read.texts("label"), read.texts("button")) == (["Email address"], ["Email me a link"])
    email, hidden = [attributes for tag, attributes in read.tags if tag == "input"]
    assert hidden == {"type": "hidden", "name": "form", "value": "f0rm"}
    assert (email["type"], email["autocomplete"], email["inputmode"]) == ("email", "email", "email")
    assert "required" in email
    marks = [attributes.get("class") for tag, attributes in Read(render(own("x"))).tags if tag == "button"]
    assert marks == ["main", None]


def test_style_that_the_browser_refuses() -> None:
    """The hash is that of the style as it stands in every page, to the byte, so that the policy lets it in."""
    for page in every("Invoice 1001"):
        [style] = Read(render(page)).texts("style")
        assert f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}" == STYLE_HASH


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("fore", "back", "least"),
    [
        ("ink", "sheet", 7),
        ("soft", "sheet", 7),
        ("on-accent", "accent", 4.5),
        ("on-accent", "pressed", 4.5),
        ("accent", "sheet", 4.5),
        ("line", "sheet", 3),
    ],
)
def test_text_that_is_hard_to_read(scheme: int, fore: str, back: str, least: float) -> None:
    """Text has the contrast of WCAG 2.2, 1.4.3 and edges that of 1.4.11, by day and by night."""
    colours = {name: re.findall(rf"--{name}: (#\w+);", STYLE)[scheme] for name in (fore, back)}
    light, dark = sorted((luminance(colour) for colour in colours.values()), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


def template() -> str:
    """Return the template that the document shows."""
    [text] = re.findall(r"^```html\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S)
    return str(text)


def jinja() -> Callable[[Page], str]:
    """Return the template in Jinja2, as Flask sets it up."""
    made: Any = pytest.importorskip("jinja2").Environment(autoescape=True).from_string(template())
    return lambda page: str(made.render(page=page))


def django() -> Callable[[Page], str]:
    """Return the template in Django's language."""
    engine: Any = pytest.importorskip("django.template")
    made = engine.Engine().from_string(template())
    return lambda page: str(made.render(engine.Context({"page": page})))


@pytest.mark.parametrize("engine", [jinja, django])
@pytest.mark.parametrize("text", ["Invoice 1001", *HOSTILE.values()], ids=["plain", *HOSTILE])
def test_template_that_says_something_else(engine: Callable[[], Callable[[Page], str]], text: str) -> None:
    """The template of the document gives the page that ships, tag by tag and text by text, in both languages."""
    fill = engine()
    for page in every(text):
        assert Read(fill(page)).parts == Read(render(page)).parts
