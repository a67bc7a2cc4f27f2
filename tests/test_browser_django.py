"""The browsers' story of the Django adapter, in Chromium, over pytest-django's live server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.handlers.wsgi import WSGIHandler

from tests.browser_story import HOSTS, BrowserStory
from tests.chromium import Chromium, Server, Site, served_at
from tests.django.site import Shop, ann

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    Portal = Callable[[Server], Site]


class TestDjango(BrowserStory):
    """The portal in Django."""

    @pytest.fixture
    def portal(self, browser: Chromium, settings: Settings, transactional_db: None) -> Portal:
        """Put the site behind a server, with Ann among its users."""
        ann()

        def portal(server: Server) -> Site:
            shop = Shop(settings, origin=server.origin, HOME="/invoices")
            settings.ALLOWED_HOSTS = list(HOSTS)
            settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = server.origin.startswith("https:")
            return Site(server, shop, browser)

        return portal

    @pytest.fixture
    def site(self, portal: Portal, browser: Chromium, live_server: LiveServer) -> Iterator[Site]:
        """The site on plain http, as on a developer's machine."""
        running = live_server.thread.httpd
        app = running.get_app()
        server = Server(live_server.url, app)
        running.set_app(server)
        yield portal(server)
        browser.close_pages()
        running.set_app(app)

    @pytest.fixture
    def secure_site(self, portal: Portal, browser: Chromium, tmp_path: Path) -> Iterator[Site]:
        """The site on https, as in production."""
        with served_at("localhost", tmp_path) as server:
            server.app = WSGIHandler()
            yield portal(server)
            browser.close_pages()
