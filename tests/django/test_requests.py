"""What is read of a Django request, and what is left of it for others to write down."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory
from django.test.client import encode_multipart
from django.utils import translation
from django.views.debug import (
    SafeExceptionReporterFilter,
    get_exception_reporter_class,
    get_exception_reporter_filter,
)

from magiclink import ConfigurationError
from magiclink.django.requests import Address, hide_cookies, read, read_form, strip_address
from tests.django.site import scope_of

if TYPE_CHECKING:
    from django.core.handlers.wsgi import WSGIRequest
    from django.http import HttpRequest
    from pytest_django.fixtures import Settings

TOKEN = "t0ken-" * 10
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=B"


def got(path: str, **environ: Any) -> WSGIRequest:
    """Return a request as a WSGI server does."""
    return RequestFactory().get(path, **environ)


def posted(body: bytes, kind: str = FORM, **environ: Any) -> WSGIRequest:
    """Return a form as a WSGI server does."""
    return RequestFactory().generic("POST", "/l/", body, kind, **environ)


# Its address.


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (f"/l/{TOKEN}", TOKEN, ()),
        ("/l/", "", ()),
        ("/l/a//b/%0A%2F%C3%A9?x=1&x=%32&y", "a//b/\n/é", (("x", "1"), ("x", "2"), ("y", ""))),
        ("/l//l/x", "/l/x", ()),
        ("/l/%FF", "%FF", ()),
    ],
)
def test_address(target: str, path: str, query: tuple[tuple[str, str], ...]) -> None:
    """What follows our path is decoded once, and the query in its order; both are given again when asked twice."""
    request = got(target)
    address = strip_address(request, "/l/")
    assert (address.path, address.query) == (path, query)
    assert strip_address(request, "/l/") is address


def everything(request: HttpRequest) -> str:
    """Write down all that a log or an error report could."""
    reporter: Any = get_exception_reporter_class(request)
    report = reporter(request, ValueError, ValueError("x"), None)
    parts = [request, request.path, request.path_info, request.get_full_path(), request.META, vars(request)]
    parts += [request.GET, request.build_absolute_uri(), getattr(request, "scope", {})]
    return "\n".join([*map(repr, parts), report.get_traceback_text(), report.get_traceback_html()])


SERVER = {
    "RAW_URI": f"/l/{TOKEN}?x={TOKEN}",
    "REQUEST_URI": f"/l/{TOKEN}?x={TOKEN}",
    "PATH_TRANSLATED": f"/srv/l/{TOKEN}",
    "SCRIPT_URI": f"https://billing.example/l/{TOKEN}",
}


def test_token_left_on_a_request() -> None:
    """M04, M05: wherever a server or Django keep the path and the query, the token is gone."""
    request = got(f"/l/{TOKEN}?x={TOKEN}", **SERVER)
    assert TOKEN in everything(request)
    strip_address(request, "/l/")
    assert TOKEN not in everything(request)
    assert (request.path, request.path_info, request.get_full_path()) == ("/l/", "/l/", "/l/")
    assert "magiclink-" in get_exception_reporter_filter(request).hidden_settings.pattern
    assert dict(request.GET) == {}


def test_token_left_on_an_asynchronous_request() -> None:
    """The same of a request by ASGI, and of the server's own scope, from which access logs are written."""
    request = ASGIRequest(scope_of("GET", f"/l/{TOKEN}?x={TOKEN}", {}), BytesIO())
    assert strip_address(request, "/l/") == Address(path=TOKEN, query=(("x", TOKEN),))
    assert TOKEN not in everything(request)
    assert request.scope["raw_path"] == b"/l/"


def test_token_left_below_a_prefix() -> None:
    """An application below a path of its site keeps that path."""
    request = got(f"/l/{TOKEN}", SCRIPT_NAME="/app/")
    strip_address(request, "/l/")
    assert (request.path, request.path_info) == ("/app/l/", "/l/")


def test_request_from_beside_our_path() -> None:
    """Routes that are included elsewhere than `base_url` says are an error, which holds no token."""
    request = got(f"/elsewhere/{TOKEN}")
    with pytest.raises(ConfigurationError, match="base_url") as failed:
        strip_address(request, "/l/")
    assert TOKEN not in str(failed.value) + everything(request)


# Its form.


def test_form() -> None:
    """Fields come in their order, each as often as it was sent, decoded once."""
    assert read_form(posted(b"a=1&b=%26&a=2&c=&d")) == (("a", "1"), ("b", "&"), ("a", "2"), ("c", ""), ("d", ""))


def test_multipart_form() -> None:
    """A form of several parts is one as well; a file in it is none of its fields."""
    body = encode_multipart("B", {"a": ["1", "2"], "b": "é", "file": BytesIO(b"x")})
    request = posted(body, MULTIPART)
    assert read_form(request) == (("a", "1"), ("a", "2"), ("b", "é"))
    request.close()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff=1", FORM),
        (b"{}", "application/json"),
        (b"a=1", "text/plain"),
        (b"a=1", ""),
        (b"--B\r\nContent-Disposition: form-data", "multipart/form-data"),
        (b"--B\r\nContent-Disposition: form-data; name=a\r\n", MULTIPART),
        (b"a=1", "multipart/form-data; boundary=\xe9"),
    ],
)
def test_form_that_is_none(body: bytes, kind: str) -> None:
    """What is no form has no fields: it's ours to answer, and no error of Django's."""
    assert read_form(posted(body, kind)) == ()


def test_charset_of_a_form() -> None:
    """A form is UTF-8 whatever its type says: Django's own refusal of another would be a 400."""
    assert read_form(posted("a=é".encode(), f"{FORM}; charset=utf-16")) == (("a", "é"),)


@pytest.mark.parametrize("length", ["x", "-1", "", "1e3"])
def test_length_that_is_none(length: str) -> None:
    """What is announced as a length and is none gives no fields."""
    assert read_form(posted(b"a=1", CONTENT_LENGTH=length)) == ()


@pytest.mark.parametrize("kind", [FORM, MULTIPART, "text/plain"])
def test_form_too_large(kind: str) -> None:
    """G24: more than 16,384 bytes are too large, of any type, by their announced length and unread."""
    assert read_form(posted(b"x" * 16_384, kind)) is not None
    request = posted(b"x" * 16_385, kind)
    assert read_form(request) is None
    assert not vars(request)["_read_started"]


@pytest.mark.parametrize("kind", [FORM, MULTIPART])
def test_form_without_a_length(kind: str) -> None:
    """A body that comes in pieces announces nothing, and is measured."""
    scope = scope_of("POST", "/l/", {"Content-Type": kind})
    assert read_form(ASGIRequest(scope, BytesIO(b"x" * 16_385))) is None


def test_form_beyond_the_bound_of_the_site(settings: Settings) -> None:
    """A site's own stricter bounds hold, with our page: on bytes, fields and files."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert read_form(posted(b"x" * 101)) is None
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    assert read_form(posted(encode_multipart("B", {"a": ["1", "2", "3"]}), MULTIPART)) is None
    files = {name: BytesIO(b"x") for name in "abc"}
    assert read_form(posted(encode_multipart("B", files), MULTIPART)) is None


class Broken(BytesIO):
    """A connection that ends while it's read."""

    def read(self, *_: Any) -> bytes:
        """Fail."""
        raise OSError("connection reset")


def test_connection_that_ends() -> None:
    """A customer who goes away while sending leaves no error behind."""
    environ: dict[str, Any] = {"wsgi.input": Broken(), "CONTENT_LENGTH": "10"}
    assert read_form(posted(b"", **environ)) == ()


@pytest.mark.parametrize("kind", [FORM, MULTIPART])
def test_form_that_a_middleware_has_read(kind: str) -> None:
    """A middleware that looked into the form before leaves it readable."""
    request = posted(b"a=1" if kind == FORM else encode_multipart("B", {"a": "1"}), kind)
    assert request.POST["a"] == "1"
    assert read_form(request) == (("a", "1"),)


def test_body_that_a_middleware_has_taken() -> None:
    """One that took the bytes away leaves no fields."""
    request = posted(b"a=1")
    request.read()
    assert read_form(request) == ()


# The rest of it.


def test_request() -> None:
    """Headers are in lower case, cookies decoded, and who asks is whom Django names."""
    request = got("/", HTTP_X_OWN="1", HTTP_COOKIE="a=b; c=d", REMOTE_ADDR="203.0.113.7")
    seen = read(request, Address(path="new", query=(("x", "1"),)), form=(("a", "b"),), signed_in_as="7")
    assert (seen.method, seen.path, seen.query, seen.form) == (
        "GET",
        "new",
        (("x", "1"),),
        (("a", "b"),),
    )
    assert (seen.headers["x-own"], seen.headers["cookie"], seen.cookies) == (
        "1",
        "a=b; c=d",
        {"a": "b", "c": "d"},
    )
    assert (seen.source, seen.signed_in_as) == ("203.0.113.7", "7")


def test_request_from_nowhere() -> None:
    """A request over a unix socket has no address, and one that nobody signed has no subject."""
    seen = read(got("/", REMOTE_ADDR=""), Address(), signed_in_as=None)
    assert (seen.source, seen.signed_in_as, seen.path, seen.form) == (None, None, "", ())


def test_languages() -> None:
    """The language that Django has chosen comes first, then what the browser says, best first."""
    request = got("/", HTTP_ACCEPT_LANGUAGE="fr;q=0.5, pl, es;q=0")
    with translation.override("de"):
        assert read(request, Address(), signed_in_as=None).languages == ("de", "pl", "fr")
    with translation.override(None):
        assert read(got("/"), Address(), signed_in_as=None).languages[0] == ""


def test_address_in_a_repr() -> None:
    """What was put away shows itself to nobody."""
    assert TOKEN not in repr(Address(path=TOKEN, query=(("x", TOKEN),)))


def test_cookies_of_ours_in_a_report() -> None:
    """M04: our cookies are among what Django's error reports hide, however often a request is read; others aren't."""
    request = got("/", HTTP_COOKIE="__Host-magiclink-grants-8=sealed; magiclink-visit-8=sealed; own=shown")
    assert "sealed" in everything(request)
    hide_cookies(request)
    hiding = get_exception_reporter_filter(request)
    hide_cookies(request)
    assert get_exception_reporter_filter(request) is hiding
    cookies = hiding.get_safe_cookies(request)
    assert sorted(cookies.values()) == [hiding.cleansed_substitute] * 2 + ["shown"]


class Own(SafeExceptionReporterFilter):
    """A site's own filter, which hides more."""

    hidden_settings = re.compile("own")


def test_filter_of_the_site() -> None:
    """A filter that the site has chosen hides what it did before, too."""
    request = got("/", HTTP_COOKIE="magiclink-visit-806a8dda=sealed; own=hidden; other=shown")
    vars(request)["exception_reporter_filter"] = Own()
    hide_cookies(request)
    assert [*get_exception_reporter_filter(request).get_safe_cookies(request).values()].count("shown") == 1
    assert Own.hidden_settings.pattern == "own"
