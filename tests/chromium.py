"""A real browser, and servers on this machine that remember what it requested."""

from __future__ import annotations

import os
import shutil
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from ipaddress import ip_address
from socket import create_server
from threading import Thread
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from werkzeug.serving import make_server

from tests.flask.site import QuietHandler
from tests.services import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

    from magiclink import MagicLinks
    from magiclink.testing import FrozenClock, Outbox

P = ParamSpec("P")
T = TypeVar("T")

FLAGS = ["--disable-gpu", "--no-first-run", "--disable-background-networking"]


class Chromium:
    """Chromium on a thread of its own: Playwright keeps an event loop where it runs, and there Django's ORM refuses."""

    def __init__(self, thread: Executor, browser: Browser) -> None:
        self._thread = thread
        self._browser = browser

    def do(self, act: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        """Do something on Chromium's thread."""
        return self._thread.submit(act, *args, **given).result()

    def context(self, **options: Any) -> BrowserContext:
        """Open a browser of somebody's own; only on Chromium's thread."""
        return self._browser.new_context(ignore_https_errors=True, **options)

    def close_pages(self) -> None:
        """Close every page, so that no connection keeps a server waiting."""

        def close() -> None:
            for context in self._browser.contexts:
                context.close()

        self.do(close)


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Start Chromium: $MAGICLINK_TEST_BROWSER, else one on PATH, else Playwright's own."""
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:
        started = ExitStack()
        stack.callback(lambda: thread.submit(started.close).result())
        yield Chromium(thread, thread.submit(started.enter_context, _browser()).result())


@contextmanager
def _browser() -> Iterator[Browser]:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("Playwright is not installed: pip install playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("MAGICLINK_TEST_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    # As root, Chromium refuses to start with its sandbox.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=flags)
        except Error as error:
            missing(f"no Chromium: set MAGICLINK_TEST_BROWSER or put one on PATH ({str(error).splitlines()[0]})")
        with browser:
            yield browser


@dataclass(frozen=True)
class Seen:
    """One request, as the server saw it."""

    method: str
    path: str
    referer: str
    origin: str
    site: str
    cookies: str = field(repr=False)
    status: str


@dataclass
class Server:
    """A server of this machine, for one origin; it remembers every request in order."""

    origin: str
    app: Callable[..., Any] | None = None
    seen: list[Seen] = field(default_factory=list)
    pages: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    """Pages of its own beside those of the app, and their headers, by their paths."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        """Answer a request by the app, and remember it with its answer's status."""
        # Read first: the Django adapter puts the path away.
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]

        def watched(status: str, headers: Any, exc_info: Any = None) -> Any:
            given = [environ.get(f"HTTP_{name}", "") for name in ("REFERER", "ORIGIN", "SEC_FETCH_SITE", "COOKIE")]
            referer, origin, site, cookies = given
            self.seen.append(Seen(method, path, referer, origin, site, cookies, status[:3]))
            return start(status, headers, exc_info)

        if self.app is None or path == "/favicon.ico":
            start("204 No Content", [])
            return []
        if path in self.pages:
            html, headers = self.pages[path]
            watched("200 OK", [("Content-Type", "text/html"), *headers.items()])
            return [html.encode()]
        return self.app(environ, watched)

    def posts(self) -> list[Seen]:
        """Return the requests that may change something."""
        return [each for each in self.seen if each.method != "GET"]


@contextmanager
def served_at(host: str = "127.0.0.1", folder: Path | None = None) -> Iterator[Server]:
    """Open a port for an app that is set later, since it must know its origin; with a folder for a key, by TLS."""
    with create_server(("127.0.0.1", 0)) as listening:
        scheme = "http" if folder is None else "https"
        server = Server(f"{scheme}://{host}:{listening.getsockname()[1]}")
        context = None if folder is None else _context(folder)
        running = make_server(
            "127.0.0.1",
            0,
            server,
            threaded=True,
            request_handler=QuietHandler,
            ssl_context=context,
            fd=listening.fileno(),
        )
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()
            running.server_close()


def _context(folder: Path) -> ssl.SSLContext:
    """Make a certificate for this machine's own names, which nobody has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


class Portal(Protocol):
    """The app that the browsers meet, and what is looked into behind it."""

    clock: FrozenClock
    outbox: Outbox
    links: MagicLinks
    tokens: dict[str, str]

    def url(self, kind: str) -> str:
        """Return one of the two links, as in a mail."""


class Site:
    """The app on a server, and what its customers' browsers complain of."""

    def __init__(self, server: Server, shop: Portal, browser: Chromium) -> None:
        self.server = server
        self.shop = shop
        self.complaints: list[str] = []
        self.browser = browser

    def customer(self, **options: Any) -> Page:
        """Open a browser of somebody's own."""
        page = self.browser.context(**options).new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        return page

    def leaks(self) -> list[Seen]:
        """Return the requests that say a token anywhere but in their path."""
        tokens = self.shop.tokens.values()
        return [each for each in self.server.seen if any(token in f"{each.referer}{each.cookies}" for token in tokens)]

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium says of every page that isn't 200 that it isn't; ours are 410 and 403 on purpose.
        if "the server responded with a status of" not in message.text:
            self.complaints.append(message.text)


def run_in_chromium(test: Callable[P, None]) -> Callable[P, None]:
    """Run a test on the thread of its site's browser."""

    @wraps(test)
    def wrapped(*args: P.args, **given: P.kwargs) -> None:
        [site] = [each for each in given.values() if isinstance(each, Site)]
        site.browser.do(test, *args, **given)

    return wrapped


def show(server: Server, html: str) -> str:
    """Let a server show one page, whatever is requested, and return its address."""

    def app(environ: object, start: Callable[..., object]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html")])
        return [html.encode()]

    server.app = app
    return f"{server.origin}/"


def page_name(page: Page) -> str | None:
    """Return which of the library's pages is shown."""
    return page.locator("main").get_attribute("data-page")
