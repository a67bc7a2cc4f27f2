"""No header and no scanner matters: every client gets what people get, and nothing is used up by looking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.conftest import ORIGIN, form_of, shape, told, uses

if TYPE_CHECKING:
    from tests.web.conftest import Site

EVIL = "https://evil.example"

AGENTS = [
    "",
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    "Mozilla/5.0 OneOutlook/1.2024 SafeLinks",
    "Proofpoint URL Defense",
    "Mimecast",
    "BarracudaCentral",
    "Slackbot-LinkExpanding 1.0",
    "WhatsApp/2.23",
    "facebookexternalhit/1.1",
    "Googlebot/2.1",
]
ASIDES = [{"user-agent": agent} for agent in AGENTS] + [
    {"purpose": "prefetch"},
    {"sec-purpose": "prefetch;prerender"},
    {"x-moz": "prefetch"},
    {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
    {"host": "evil.example"},
    {"host": "billing.example.:443"},
    {"host": "BILLING.EXAMPLE"},
    {"host": "billing.example@evil.example"},
    {"host": ""},
    {"x-forwarded-host": "evil.example", "forwarded": "host=evil.example;proto=http"},
    {"x-forwarded-proto": "http"},
    {"x-forwarded-for": "127.0.0.1, 10.0.0.1"},
    {"x-original-url": "/elsewhere", "x-rewrite-url": "/elsewhere", "x-http-method-override": "POST"},
    {"referer": EVIL, "authorization": "Bearer x", "accept": "application/json"},
]


@pytest.mark.parametrize("headers", ASIDES)
def test_no_header_matters_to_a_get(site: Site, headers: dict[str, str]) -> None:
    """G04, G05, H01, H02, H04, H06, H10: no header changes what a GET answers: status, location, cookies, text."""
    for link in (site.invoice(), site.sign_in()):
        plain, odd = site.visitor(), site.visitor()
        for path in (link.token, ""):
            assert shape(odd.ask("GET", path, headers=headers)) == shape(plain.ask("GET", path, headers={}))
        assert uses(site, link) == 0


@pytest.mark.parametrize("headers", ASIDES)
def test_no_header_matters_to_a_post(site: Site, headers: dict[str, str]) -> None:
    """G04, H01, H05: a pressed button leads where the link was made to lead, whatever the headers say."""
    visitor = site.visitor()
    page = visitor.click(site.sign_in())
    reply = visitor.ask("POST", form=form_of(page), headers={"origin": ORIGIN} | headers)
    assert told(reply) == "303 /invoices"
    assert reply.sign_in is not None


def test_scanner_with_cookies(site: Site) -> None:
    """G02, G06: a scanner that follows redirects, keeps cookies and comes a hundred times uses nothing up."""
    link, scanner = site.sign_in(), site.visitor()
    for _ in range(100):
        assert told(scanner.click(link)) == "200 confirm"
    assert uses(site, link) == 0
    assert scanner.signed_in_as is None
    visitor = site.visitor()
    assert told(visitor.press(visitor.click(link))) == "303 /invoices"
