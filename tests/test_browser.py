"""The browsers' story of the Flask adapter, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser_story import BrowserStory
from tests.chromium import Chromium, Server, Site, served_at
from tests.flask.site import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestFlask(BrowserStory):
    """The portal in Flask."""

    @pytest.fixture
    def site(self, browser: Chromium) -> Iterator[Site]:
        """The app on plain http, as on a developer's machine."""
        with served_at() as server:
            yield _portal(server, browser)
            browser.close_pages()

    @pytest.fixture
    def secure_site(self, browser: Chromium, tmp_path: Path) -> Iterator[Site]:
        """The app on https, as in production."""
        with served_at("localhost", tmp_path) as server:
            yield _portal(server, browser)
            browser.close_pages()


def _portal(server: Server, browser: Chromium) -> Site:
    shop = Shop(origin=server.origin, home="/invoices")
    server.app = shop.app
    return Site(server, shop, browser)
