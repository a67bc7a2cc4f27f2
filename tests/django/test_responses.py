"""How a reply looks as Django's response: its headers, its cookies, its page, and what is done after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch

from magiclink.django.conf import adapter
from tests.django.site import HOST, Shop, Visitor, ann, page_of, text_of
from tests.exchanges import ANN, OURS

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


def answer(method: str, **options: Any) -> HttpResponse:
    """Return what the adapter itself answers on the sign-in page, before any middleware."""
    request = RequestFactory().generic(method, "/l/sign-in", **options)
    request.user = AnonymousUser()
    return adapter().answer(request)


def test_mail_after_the_answer(settings: Settings) -> None:
    """A mail that was asked for is sent when the response is closed, once, and the database's connection afterwards."""
    shop = Shop(settings)
    response = answer("POST", headers=OURS, data=f"email={ANN}", content_type="application/x-www-form-urlencoded")
    assert (response.status_code, len(shop.outbox)) == (200, 0)
    response.close()
    response.close()
    assert len(shop.outbox) == 1


def test_headers_that_a_middleware_sets(settings: Settings) -> None:
    """No middleware changes what a reply says, or puts in what it left out; other headers are the site's affair."""
    settings.SECURE_HSTS_SECONDS = 60
    settings.SECURE_REFERRER_POLICY = "unsafe-url"
    settings.X_FRAME_OPTIONS = "SAMEORIGIN"
    shop = Shop(settings)
    settings.MIDDLEWARE = ["tests.django.test_responses.meddling", *settings.MIDDLEWARE]
    answer = shop.visitor().get(shop.url("sign_in"))
    assert (answer["Referrer-Policy"], answer["X-Frame-Options"]) == ("no-referrer", "DENY")
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Content-Security-Policy-Report-Only" not in answer
    assert "Content-Language" not in answer
    assert (answer["Strict-Transport-Security"], answer["X-Request-Id"]) == ("max-age=60", "7")


def test_policy_of_the_site(settings: Settings) -> None:
    """Django's own Content Security Policy leaves ours alone, and reports no address of ours to anybody."""
    pytest.importorskip("django.middleware.csp", reason="Django has it from 6.0 on")
    shop = Shop(settings)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.csp.ContentSecurityPolicyMiddleware"]
    settings.SECURE_CSP = settings.SECURE_CSP_REPORT_ONLY = {"default-src": ["https:"], "report-uri": "/csp"}
    for answer in (shop.visitor().get("/l/sign-in"), shop.visitor().get("/invoices/1001")):
        assert answer["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert "Content-Security-Policy-Report-Only" not in answer
    assert "report-uri" in shop.visitor().get("/invoices")["Content-Security-Policy-Report-Only"]


def meddling(get_response: Any) -> Any:
    """Set headers on every response."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response: HttpResponse = get_response(request)
        response["Content-Security-Policy"] = "default-src *"
        response["content-security-policy-report-only"] = "report-uri https://evil.example"
        response.headers.setdefault("Content-Language", "tlh")
        response["X-Request-Id"] = "7"
        return response

    return middleware


def test_page_in_the_cache_of_an_older_django(settings: Settings) -> None:
    """G30: a site's own cache that pays no heed to `no-store`, as Django's once did, is told so."""
    Shop(settings)
    fetch = "django.middleware.cache.FetchFromCacheMiddleware"
    settings.MIDDLEWARE = ["tests.django.test_responses.heedless", *settings.MIDDLEWARE, fetch]
    assert Visitor(Client()).get("/l/sign-in")["X-Cached"] == "False"


def heedless(get_response: Any) -> Any:
    """Say whether a cache would keep a response."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response: HttpResponse = get_response(request)
        response["X-Cached"] = vars(request)["_cache_update_cache"]
        return response

    return middleware


def test_length_of_a_head(settings: Settings) -> None:
    """G01: HEAD tells the length that GET would have, and has no body, on servers that don't see to it either."""
    Shop(settings)
    page, head = answer("GET"), answer("HEAD")
    assert head.content == b""
    assert int(head["Content-Length"]) == len(page.content)


def test_redirects_are_followed(settings: Settings) -> None:
    """Django's test client follows our redirects as its own."""
    shop = Shop(settings)
    answer = shop.visitor().client.get(f"/l/{shop.tokens['invoice']}", secure=True, headers={"Host": HOST}, follow=True)
    assert text_of(answer) == "invoice 1001 of ann"


def test_template_of_the_site(settings: Settings, tmp_path: Path) -> None:
    """A template `magiclink/page.html` of the site takes the place of ours, and has what its own templates have."""
    (tmp_path / "magiclink").mkdir()
    (tmp_path / "magiclink" / "page.html").write_text("{{ page.title }}|{{ page.name }}|{{ user }}")
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path]}]
    shop = Shop(settings, DESCRIBE=lambda info: "<b>Acme</b>")
    assert text_of(shop.visitor().get("/l/")).endswith("|no-cookie|AnonymousUser")
    assert "&lt;b&gt;" in text_of(shop.visitor().open(shop.url("sign_in")))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{% if page %}", TemplateSyntaxError, "Unclosed tag"),
        ("{% load nothing_of_the_sort %}", TemplateSyntaxError, "nothing_of_the_sort"),
        ("{% extends 'nowhere.html' %}", TemplateDoesNotExist, r"nowhere\.html"),
        ("{% include 'nowhere.html' %}", TemplateDoesNotExist, r"nowhere\.html"),
        ("{% url 'nowhere' %}", NoReverseMatch, "nowhere"),
    ],
)
def test_template_that_fails(
    text: str, error: type[Exception], message: str, settings: Settings, tmp_path: Path
) -> None:
    """A broken template of the site raises as any other does; the library's page isn't shown in its place."""
    (tmp_path / "magiclink").mkdir()
    (tmp_path / "magiclink" / "page.html").write_text(text)
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path]}]
    with pytest.raises(error, match=message):
        Shop(settings).visitor().get("/l/")


def test_template_of_the_documents(settings: Settings, tmp_path: Path) -> None:
    """The template that `page-template.md` has to start from shows each page as ours does."""
    text = (Path(__file__).parents[2] / "docs" / "page-template.md").read_text()
    (tmp_path / "magiclink").mkdir()
    (tmp_path / "magiclink" / "page.html").write_text(text.split("```html\n")[1].split("```")[0])
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path]}]
    ann()
    shop = Shop(settings)
    visitor = shop.visitor()
    assert page_of(visitor.press(visitor.open(shop.url("sign_in")))) == "303 /invoices"
