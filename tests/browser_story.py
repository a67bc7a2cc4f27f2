"""What Chromium really does with links: the headers that it sends, the cookies that it keeps, the history that it has.

Each adapter has a subclass of `BrowserStory`, which gives `site` and `secure_site`. Browser, server and clock
are real or the kit's; nothing sleeps. Without Chromium these are skipped, and say so.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import SIGN_IN
from tests.chromium import Chromium, Server, Site, chromium, page_name, run_in_chromium, served_at, show
from tests.exchanges import ANN

if TYPE_CHECKING:
    from collections.abc import Iterator

PRESS = "button.main"
HOSTS = ("127.0.0.1", "localhost")

SUBMIT = "<script>document.forms[0].submit()</script>"

ATTACKS = {
    "a form": "<form method=post action={url}><input name=email value={address}></form>" + SUBMIT,
    "a fetch": "<script>fetch('{url}', {{method: 'POST', mode: 'no-cors', credentials: 'include',"
    " body: new URLSearchParams({{email: '{address}'}})}})</script>",
    "a form without a referrer": "<meta name=referrer content=no-referrer><form method=post action={url}>"
    "<input name=email value={address}></form>" + SUBMIT,
}

SCANNERS = {
    "a form that submits itself, by GET": "<form action={url}></form>" + SUBMIT,
    "a form that submits itself, by POST": "<form method=post action={url}></form>" + SUBMIT,
    "a redirect by script": "<script>location = '{url}'</script>",
    "a redirect of the page": '<meta http-equiv=refresh content="0; url={url}">',
}


class BrowserStory:
    """The tests of every adapter."""

    @pytest.fixture(scope="class")
    @classmethod
    def browser(cls) -> Iterator[Chromium]:
        """Chromium, once for all of these."""
        with chromium() as started:
            yield started

    @pytest.fixture(params=["same-site", "cross-site"])
    def elsewhere(self, request: pytest.FixtureRequest, site: Site) -> Iterator[Server]:
        """Another origin: another port of the same host, which is the same site, and another host, which isn't."""
        hosts = {host in site.server.origin: host for host in HOSTS}
        with served_at(hosts[request.param == "same-site"]) as server:
            yield server
            site.browser.close_pages()

    @run_in_chromium
    def test_story_of_an_invoice(self, site: Site) -> None:
        """S1 to S5: the link opens; after two weeks its page says so, and one click later a fresh one is mailed."""
        page = site.customer()
        page.goto(site.shop.url("invoice"))
        assert page.inner_text("body") == "invoice 1001 of ann"
        site.shop.clock.tick(timedelta(days=14))
        page.goto(site.shop.url("invoice"))
        assert page_name(page) == "expired"
        page.click(PRESS)
        assert page_name(page) == "sent"
        page.goto(site.shop.outbox.last.url)
        assert page.inner_text("body") == "invoice 1001 of ann"
        assert site.complaints == []

    @pytest.mark.parametrize("scripts", [True, False])
    @run_in_chromium
    def test_button_without_scripts(self, site: Site, scripts: bool) -> None:
        """The pages need no script: with and without, the button signs in."""
        page = site.customer(java_script_enabled=scripts)
        page.goto(site.shop.url("sign_in"))
        assert (page.url, page_name(page)) == (f"{site.server.origin}/l/", "confirm")
        page.click(PRESS)
        assert page.url == f"{site.server.origin}/invoices"
        assert page.inner_text("body") == "signed in: ann"
        assert site.complaints == []

    @run_in_chromium
    def test_address_that_is_typed(self, site: Site) -> None:
        """S6: an address typed on the sign-in page gets a link that signs in, in this browser or another."""
        page = site.customer()
        page.goto(f"{site.server.origin}/l/sign-in")
        page.fill("input[type=email]", ANN)
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-page=sent]")
        other = site.customer()
        other.goto(site.shop.outbox.last.url)
        other.click(PRESS)
        assert other.inner_text("body") == "signed in: ann"
        assert site.complaints == []

    @run_in_chromium
    def test_origin_of_our_forms(self, site: Site) -> None:
        """G10: Chromium says of our forms that they are ours, never `null`."""
        page = site.customer()
        page.goto(site.shop.url("sign_in"))
        page.click(PRESS)
        page.wait_for_url("**/invoices")
        [posted] = site.server.posts()
        assert (posted.origin, posted.site, posted.status) == (site.server.origin, "same-origin", "303")

    @run_in_chromium
    def test_token_in_a_referer(self, site: Site, elsewhere: Server) -> None:
        """No page that a link leads to tells another server the link, whatever it loads or leads to."""
        address = show(elsewhere, "thanks")
        html = f'<img src="{elsewhere.origin}/pixel"><a href="{address}">on</a>'
        site.server.pages["/page"] = (html, {"Referrer-Policy": "unsafe-url"})
        link = site.shop.links.issue(SIGN_IN, subject="ann", recipient=ANN, destination="/page")
        site.shop.tokens["page"] = link.token
        page = site.customer()
        for url in (link.url, site.shop.url("invoice")):
            page.goto(url)
        page.goto(link.url)
        page.click(PRESS)
        page.wait_for_url("**/page")
        page.click("a")
        page.wait_for_url(address)
        referrers = [each.referer for each in elsewhere.seen]
        assert referrers == [f"{site.server.origin}/page"] * 2
        assert site.leaks() == []
        assert {each.referer for each in site.server.seen} <= {
            "",
            f"{site.server.origin}/l/",
            f"{site.server.origin}/page",
        }

    @run_in_chromium
    def test_cookies_on_https(self, secure_site: Site) -> None:
        """On https Chromium takes the `__Host-` cookies: Secure, HttpOnly, Lax, for the whole of this host alone."""
        page = secure_site.customer()
        page.goto(secure_site.shop.url("invoice"))
        page.goto(secure_site.shop.url("sign_in"))
        kept = [each for each in page.context.cookies() if "magiclink" in each["name"]]
        assert len(kept) == 2
        for cookie in kept:
            assert cookie["name"].startswith("__Host-")
            assert (cookie["domain"], cookie["path"]) == ("localhost", "/")
            assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
        page.click(PRESS)
        assert page.inner_text("body") == "signed in: ann"
        # Django's own `csrftoken` is meant for scripts.
        assert not re.search("magiclink|session", page.evaluate("document.cookie"))
        assert secure_site.complaints == []

    @run_in_chromium
    def test_cookies_on_this_machine(self, site: Site) -> None:
        """On plain http, which is for this machine only, they are HttpOnly and Lax."""
        page = site.customer()
        page.goto(site.shop.url("sign_in"))
        [cookie] = page.context.cookies()
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (False, True, "Lax")

    @run_in_chromium
    def test_click_in_a_webmail(self, site: Site, elsewhere: Server) -> None:
        """G37: a click that comes from another site, the webmail, finds its cookie and its button."""
        page = site.customer()
        page.goto(show(elsewhere, f'<a href="{site.shop.url("sign_in")}">open</a>'))
        page.click("a")
        assert page_name(page) == "confirm"
        page.click(PRESS)
        assert page.inner_text("body") == "signed in: ann"

    @run_in_chromium
    def test_back_after_signing_in(self, site: Site, elsewhere: Server) -> None:
        """G29: no entry of the browser's history has the token, and Back shows no button that would work."""
        page = site.customer()
        page.goto(show(elsewhere, f'<a href="{site.shop.url("sign_in")}">open</a>'))
        page.click("a")
        page.click(PRESS)
        page.wait_for_url("**/invoices")
        history = page.context.new_cdp_session(page).send("Page.getNavigationHistory")
        visited = [entry["url"].removeprefix(site.server.origin) for entry in history["entries"]]
        assert visited[-2:] == ["/l/", "/invoices"]
        assert not [url for url in visited if site.shop.tokens["sign_in"] in url]
        page.go_back()
        assert page.url == f"{site.server.origin}/invoices"
        assert page.inner_text("body") == "signed in: ann"

    @pytest.mark.parametrize("attack", ATTACKS)
    @pytest.mark.parametrize("path", ["", "new", "sign-in"])
    @run_in_chromium
    def test_post_from_elsewhere(self, site: Site, elsewhere: Server, attack: str, path: str) -> None:
        """G09, G10, G34: what another origin's page posts is 403, uses nothing, signs nobody in, and mails nothing."""
        page = site.customer()
        page.goto(site.shop.url("sign_in"))
        url = f"{site.server.origin}/l/{path}"
        address = show(elsewhere, ATTACKS[attack].format(url=url, address=ANN))
        with page.expect_response(url) as answered:
            page.goto(address)
        assert answered.value.status == 403
        [posted] = site.server.posts()
        assert (posted.status, posted.site != "same-origin") == ("403", True)
        assert len(site.shop.outbox) == 0
        assert site.shop.links.find(policy=SIGN_IN)[0].uses == 0

    @run_in_chromium
    def test_frame(self, site: Site, elsewhere: Server) -> None:
        """G26: no other site can frame our pages and have the button pressed through it."""
        page = site.customer()
        page.goto(site.shop.url("sign_in"))
        page.goto(show(elsewhere, f"<iframe src={site.server.origin}/l/></iframe>"))
        [_, frame] = page.frames
        assert frame.locator("button").count() == 0
        assert any("frame" in each for each in site.complaints)

    @pytest.mark.parametrize("way", SCANNERS)
    @run_in_chromium
    def test_scanner_that_runs_scripts(self, site: Site, elsewhere: Server, way: str) -> None:
        """G06: a scanner's browser that is led to the link and runs scripts uses nothing: no page submits itself."""
        scanner = site.customer()
        scanner.goto(show(elsewhere, SCANNERS[way].format(url=site.shop.url("sign_in"))))
        scanner.wait_for_url(f"{site.server.origin}/l/**")
        scanner.wait_for_load_state("load")
        assert [each.path.startswith("/l/") for each in site.server.posts()] in ([], [True])
        assert {each.status for each in site.server.posts()} <= {"405"}
        page = site.customer()
        page.goto(site.shop.url("sign_in"))
        page.click(PRESS)
        assert page.inner_text("body") == "signed in: ann"

    @run_in_chromium
    def test_two_clicks_on_the_button(self, site: Site) -> None:
        """F15: a double click on the button signs in, once."""
        page = site.customer()
        page.goto(site.shop.url("sign_in"))
        page.dblclick(PRESS, no_wait_after=True)
        # Not wait_for_url: the second click aborts the navigation of the first one.
        page.get_by_text("signed in: ann", exact=True).wait_for()
        assert page.url.endswith("/invoices")
        assert {each.status for each in site.server.posts()} == {"303"}
        assert site.shop.links.find(policy=SIGN_IN)[0].uses == 1

    @run_in_chromium
    def test_pages_as_they_look(self, site: Site) -> None:
        """The style is applied under its Content-Security-Policy, and nothing else is loaded."""
        page = site.customer()
        page.goto(f"{site.server.origin}/l/sign-in")
        assert page.evaluate("getComputedStyle(document.querySelector('button')).borderRadius") == "8px"
        assert {each.path for each in site.server.seen} == {"/l/sign-in"}
        assert site.complaints == []
