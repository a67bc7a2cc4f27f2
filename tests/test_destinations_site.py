"""The site of a base URL: the rows of `magiclink.destinations` about configuration."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from magiclink.destinations import Site
from magiclink.errors import ConfigurationError

URL_PIECES = r"""https:// http:// // / /l/ : . .. - a A b.example billing.example localhost 127.0.0.1 127.1 0x7f xn--a é
    [::1] [ ] @ ? # % %2f ~ \ 443 80 8443 0 65536"""
URLS = st.lists(st.sampled_from([*URL_PIECES.split(), " ", "\n", "\ud800"]), max_size=8).map("".join)


def words(text: str) -> list[str]:
    """Return the words of a text: none of these cases holds a space."""
    return text.split()


def refused(base_url: object) -> str:
    """Return the message of the refusal."""
    with pytest.raises(ConfigurationError) as caught:
        Site.from_url(base_url)
    return str(caught.value)


def test_parts_of_a_site() -> None:
    """A site has the base URL as given, its origin, its host and its path."""
    site = Site.from_url("https://billing.example:8443/pay/l/")
    assert site.base_url == "https://billing.example:8443/pay/l/"
    assert site.origin == "https://billing.example:8443"
    assert site.host == "billing.example"
    assert site.path == "/pay/l/"
    assert site.is_secure


def test_root_path_in_the_origin() -> None:
    """An origin has no path, not even a slash, also where the links live at the root."""
    site = Site.from_url("https://billing.example/")
    assert (site.origin, site.path) == ("https://billing.example", "/")


def test_site_that_changes() -> None:
    """A site is a frozen value; two of one base URL are equal."""
    site = Site.from_url("https://billing.example/l/")
    with pytest.raises(FrozenInstanceError):
        site.host = "evil.com"  # type: ignore[misc]
    assert site == Site.from_url("https://billing.example/l/")


@pytest.mark.parametrize(
    "base_url",
    words("""https://intranet/ https://xn--bcher-kva.example/l/ https://192.0.2.1:1/l/ https://a.b-c.d:65535/
        https://a/A.b_c~d-e/ https://1a.example1/ https://a/.../ https://0x7g/"""),
)
def test_sound_base_url_refused(base_url: str) -> None:
    """Names, IPv4 addresses, other ports and unreserved characters are fine."""
    assert Site.from_url(base_url).base_url == base_url


@pytest.mark.parametrize(
    "base_url",
    [
        *words("""https://user@a.example/ https://u:p@a.example/ https://a.example/?q https://a.example/#f a.example/l/
            https://a.example./l/ https://bücher.example/ //a.example/l/ https:// https:///l/ https:/a/ ftp://a.example/
            https://a/é/ https://a/%41/ https://[::2]/ https://[::1/"""),
        *[
            "",
            " https://a/",
            "https://a .example/",
            "https://a/l /",
            "https://a/\n",
            "https://a/l/\x00",
            "https://a\\b/",
        ],
    ],
)
def test_base_url_in_another_spelling(base_url: str) -> None:
    """C14: userinfo, query, fragment, trailing dot, IDN, spaces, no scheme: refused, with the way out."""
    assert "https://billing.example/l/" in refused(base_url)


@pytest.mark.parametrize(
    "base_url", ["https://me:hunter2@a/", "https://hunter2_/", "https://a/hunter2", "http://hunter2/"]
)
def test_base_url_in_the_message(base_url: str) -> None:
    """C14: no message repeats the base URL, which may hold a password."""
    assert "hunter2" not in refused(base_url)


@pytest.mark.parametrize("base_url", [None, b"https://a.example/", 5, ["https://a.example/"], object()])
def test_missing_base_url(base_url: object) -> None:
    """C15: without a base URL there is no site: it is never taken from a request."""
    assert "never taken from a request" in refused(base_url)


@pytest.mark.parametrize(
    "host", ["a.example.", "A.example", "BILLING.EXAMPLE", "a..b", ".a", "-a", "a-", "a_b", ".", "é"]
)
def test_host_in_another_spelling(host: str) -> None:
    """H10: upper case, dots at the ends and what is no host name are refused: origins are compared as text."""
    refused(f"https://{host}/l/")


def test_look_alike_host() -> None:
    """H10: a look-alike is another origin."""
    assert Site.from_url("https://xn--illing-8fg.example/").origin != Site.from_url("https://billing.example/").origin


def test_host_past_its_bound() -> None:
    """A label of 63 and a host of 253 characters are the last that pass."""
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    assert len(Site.from_url(f"https://{longest}/").host) == 253
    refused(f"https://{longest}d/")
    refused(f"https://{'a' * 64}/")


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.1", "0x7f000001", "127.0.0.01", "1.2.3.256", "a.1", "0x"]
)
def test_number_that_browsers_rewrite(host: str) -> None:
    """A host that browsers take for an IPv4 address is spelled with four decimal numbers."""
    assert "decimal" in refused(f"https://{host}/")


@pytest.mark.parametrize("port", ["443", "0", "65536", "99999", "0443", "08443"])
def test_port_out_of_range_or_default(port: str) -> None:
    """A port is 1 to 65535 and not the scheme's own, which browsers leave out of the origin."""
    refused(f"https://billing.example:{port}/l/")


@pytest.mark.parametrize("port", ["", "123456", "-1", "+1", "８０", "80:80"])
def test_port_that_is_no_number(port: str) -> None:
    """A port is ASCII digits."""
    refused(f"https://billing.example:{port}/l/")


def test_default_port_of_http() -> None:
    """Each scheme has its own default port: 80 is refused with http and fine with https."""
    assert "80" in refused("http://localhost:80/")
    assert Site.from_url("https://localhost:80/").origin == "https://localhost:80"
    assert Site.from_url("http://localhost:443/").origin == "http://localhost:443"


@pytest.mark.parametrize(
    "path", ["", "/l", "//", "/l//", "//l/", "/./", "/../", "/a/../b/", "/a;b/", "/a:b/", "/a@b/", "/a%2f/"]
)
def test_path_in_another_spelling(path: str) -> None:
    """A path starts and ends with a slash and holds unreserved characters between single slashes, no dot segments."""
    assert "slash" in refused(f"https://billing.example{path}")


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "127.0.0.1", "127.255.0.9", "[::1]"])
def test_http_on_loopback_refused(host: str) -> None:
    """Plain http is for development on this machine, and isn't secure."""
    site = Site.from_url(f"http://{host}:8000/l/")
    assert (site.host, site.origin) == (host, f"http://{host}:8000")
    assert not site.is_secure


@pytest.mark.parametrize(
    "host", ["billing.example", "localhost.example", "notlocalhost", "128.0.0.1", "192.168.0.1", "127.a"]
)
def test_token_in_clear_text(host: str) -> None:
    """Plain http elsewhere is refused: a token would be read on the way."""
    assert "wanted https" in refused(f"http://{host}/l/")


@given(st.one_of(st.text(), URLS, URLS.map("https://a{}/".format), URLS.map("http://localhost{}/".format)))
@example("https://billing.example/l/")
def test_other_error_or_changed_part(base_url: str) -> None:
    """Whatever the text: ConfigurationError, or a site whose parts make up the base URL."""
    try:
        site = Site.from_url(base_url)
    except ConfigurationError:
        return
    assert site.origin + site.path == base_url
    assert site.host in site.origin
    assert site.is_secure == base_url.startswith("https://")
