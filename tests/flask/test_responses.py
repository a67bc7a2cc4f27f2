"""The pages: the library's own, or the app's template, from its folder or a blueprint's."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, TemplateSyntaxError

from flask import Blueprint, Flask
from tests.exchanges import ANN
from tests.flask.site import Shop, page_of

ROOT = Path(__file__).resolve().parents[2]
OWN = "<h1>{{ page.title }}</h1><main data-page='{{ page.name }}'>{{ shop }}</main>"


def app_with(folder: Path, *templates: tuple[str, str]) -> Flask:
    """Make an app whose templates are in a folder."""
    for name, text in templates:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    app = Flask(__name__, template_folder=str(folder))
    app.config.update(SECRET_KEY="of these tests", TESTING=True)
    return app


def test_page_of_the_app(tmp_path: Path) -> None:
    """`magiclink/page.html` among the app's templates is every page, with what context processors give."""
    app = app_with(tmp_path, ("magiclink/page.html", OWN))
    app.context_processor(lambda: {"shop": "Hill & Sons"})
    answer = Shop(app=app).visitor().get("/l/")
    assert "Hill &amp; Sons" in answer.text
    assert (answer.status_code, answer.headers["Cache-Control"]) == (400, "no-store")
    assert "data-page='no-cookie'" in answer.text


def test_page_within_a_layout(tmp_path: Path) -> None:
    """It may extend the app's own layout."""
    layout = "<nav>{{ url_for('invoices') }}</nav>{% block body %}{% endblock %}"
    page = "{% extends 'layout.html' %}{% block body %}{{ page.title }}{% endblock %}"
    app = app_with(tmp_path, ("layout.html", layout), ("magiclink/page.html", page))
    assert Shop(app=app).visitor().get("/l/").text.startswith("<nav>/invoices</nav>")


def test_page_of_a_blueprint(tmp_path: Path) -> None:
    """A blueprint's templates do as well; the app's own go before them."""
    (tmp_path / "theirs" / "magiclink").mkdir(parents=True)
    (tmp_path / "theirs" / "magiclink" / "page.html").write_text("of the blueprint")
    app = app_with(tmp_path / "own")
    app.register_blueprint(Blueprint("theme", __name__, template_folder=str(tmp_path / "theirs")))
    assert Shop(app=app).visitor().get("/l/").text == "of the blueprint"
    app = app_with(tmp_path / "own", ("magiclink/page.html", "of the app"))
    app.register_blueprint(Blueprint("theme", __name__, template_folder=str(tmp_path / "theirs")))
    assert Shop(app=app).visitor().get("/l/").text == "of the app"


def test_layout_that_is_missing(tmp_path: Path) -> None:
    """A template whose layout is missing is an error while it is rendered, not a silent return to our own page."""
    app = app_with(tmp_path, ("magiclink/page.html", "{% extends 'nowhere.html' %}"))
    with pytest.raises(TemplateNotFound, match="nowhere"):
        Shop(app=app).visitor().get("/l/")


@pytest.mark.parametrize(
    "broken", ["{% block body %}", "{{ page.title", "{% extends 'layout.html' %}{% endblock %}", "{% nonsense %}"]
)
def test_template_with_a_syntax_error(tmp_path: Path, broken: str) -> None:
    """A template of the app's own that can't even be read is an error: the library's page would hide the mistake."""
    app = app_with(tmp_path, ("magiclink/page.html", broken))
    with pytest.raises(TemplateSyntaxError):
        Shop(app=app).visitor().get("/l/")


def test_template_that_cannot_be_read(tmp_path: Path) -> None:
    """The same is true of a template in another encoding than UTF-8."""
    app = app_with(tmp_path, ("magiclink/page.html", ""))
    (tmp_path / "magiclink" / "page.html").write_bytes("Größe".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError):
        Shop(app=app).visitor().get("/l/")


def test_documented_page(tmp_path: Path) -> None:
    """The template of `page-template.md` shows, and its buttons do, what the library's own page does."""
    text = (ROOT / "docs" / "page-template.md").read_text(encoding="utf-8")
    [template] = re.findall(r"```html\n(.*?)```", text, re.S)
    shop, plain = Shop(app=app_with(tmp_path, ("magiclink/page.html", template))), Shop()
    own, shipped = shop.visitor(), plain.visitor()
    pages = {re.sub(r'\s+|value="[^"]*"', "", each.get("/l/sign-in").text) for each in (own, shipped)}
    assert len(pages) == 1
    assert page_of(own.press(own.get("/l/sign-in"), email=ANN)) == "200 sent"
    assert page_of(own.press(own.open(shop.outbox.last.url))) == "303 /"
    assert "<style>" in shipped.get("/l/").text


def test_text_in_a_page(tmp_path: Path) -> None:
    """J30: what the app's own words hold is text, in the app's template too."""
    title = "<script>alert(1)</script>{{ config }}"
    for folder in (None, tmp_path):
        app = app_with(folder, ("magiclink/page.html", "{{ page.paragraphs|join(' ') }}")) if folder else None
        shop = Shop(app=app, describe=lambda link: title)
        shop.clock.tick(timedelta(minutes=10))
        page = shop.visitor().open(shop.url("sign_in")).text
        assert "&lt;script&gt;" in page
        assert "<script" not in page
        assert "{{ config }}" in page


def test_head_of_a_page() -> None:
    """G01: HEAD has the length of the page and not the page."""
    shop = Shop()
    head, got = (shop.visitor().client.open("/l/", method=method) for method in ("HEAD", "GET"))
    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(got.data)))
