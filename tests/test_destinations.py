"""A destination is a path of the app's own site, given back as it came, or refused."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from magiclink.destinations import Site
from magiclink.errors import BadArgumentError

SITE = Site.from_url("https://billing.example/l/")
AT_ROOT = Site.from_url("https://billing.example/")
TOKEN = "Aq0-_" * 12
PIECES = r"""/ // \ . .. ; @ : ? # x= & ~ é [ [::1] l invoices 1001 evil.com billing.example https: javascript: user:pw@
    logout Sign-Out .php % %zz %25 %2f %2F %252f %25252f %5c %255c %2e %252e %6c %0d%0a %00 %250a %7f %c2%85"""
PATHS = st.lists(st.sampled_from([*PIECES.split(), " ", "\t", "\r", "\n", "\x00", "\ud800"]), max_size=10).map("".join)
TAME = "/a /.a /..b /%41 /%2561 /l /logout . @ : ; ?/ # %2fc %252fd evil.com"
NEAR_MISSES = st.lists(st.sampled_from(TAME.split()), max_size=6).map("".join)
CANDIDATES = st.one_of(
    NEAR_MISSES.map("/e{}".format), st.text(), PATHS, PATHS.map("/a{}".format), PATHS.map("/{}".format)
)


def words(text: str) -> list[str]:
    """Return the words of a text: none of these cases holds a space."""
    return text.split()


def refused(path: object, site: Site = SITE) -> str:
    """Return the message of the refusal."""
    with pytest.raises(BadArgumentError) as caught:
        site.check_destination(path)
    return str(caught.value)


def accepted(path: str) -> str | None:
    """Return what the site makes of a path, None for a refusal."""
    try:
        return SITE.check_destination(path)
    except BadArgumentError:
        return None


@pytest.mark.parametrize(
    "path",
    words("""/ /invoices/1001 /invoices/1001/ /a?b=c&d#e /a..b /... /.well-known/x /100%25 /%C3%A9 /a;b /a:b@c /le/x
        /L/x /?l"""),
)
def test_plain_path_changed(path: str) -> None:
    """An ordinary path comes back exactly as it was given."""
    assert SITE.check_destination(path) == path


def test_none_refused() -> None:
    """No destination is a value: the app's home takes its place."""
    assert SITE.check_destination(None) is None


@pytest.mark.parametrize("path", ["//evil.com", "///evil.com", "/////evil.com", "//good.com", "/a//b", "//"])
def test_network_path(path: str) -> None:
    """I01, I02, I20: two slashes in a row name another host, or may after somebody's tidying."""
    assert "//" in refused(path)


@pytest.mark.parametrize(
    "path",
    words(r"""https:evil.com http:evil.com https:///evil.com http:/\evil.com http:\\\evil.com http:999999999
        http://good.com https://good.com/ https://evil.com\@good.com https://evil.com#good.com https://evil.com?good.com
        https://good.com.evil.com https://evilgood.com https://good.com%2eevil.com https://amazon.com\.good.com
        https://amazon.com%5C.good.com https://amazon.com%255C.good.com https://u:p@good.com https://billing.example/a"""),
)
def test_address_with_a_scheme(path: str) -> None:
    """I04, I05, I09, I10, I11, I17, I19, I32: whatever names a scheme is refused, the site's own origin too."""
    refused(path)


@pytest.mark.parametrize(
    "path", ["/\t/evil.com", "/\n/evil.com", "/\r/evil.com", "/a\tb", "/a\n", "\n/a", "\t//evil.com"]
)
def test_character_that_browsers_drop(path: str) -> None:
    """I06: browsers drop tabs and line breaks, and read what is left."""
    refused(path)


@pytest.mark.parametrize("path", [" //evil.com", "\x08//evil.com", "\xa0//evil.com", " /a", "/a ", "/a b", "\u3000/a"])
def test_space(path: str) -> None:
    """I07: no space, control or no-break space stands before, in or after a path."""
    refused(path)


@pytest.mark.parametrize(
    "path", [r"/\evil.com", r"\\evil.com", r"\/evil.com", r"/a?\b", "/%5cevil.com", "/%255Cevil.com"]
)
def test_backslash(path: str) -> None:
    """I11: a backslash is a slash to browsers; it is refused however deep it is encoded."""
    refused(path)


@pytest.mark.parametrize("path", ["javascript:alert(1)", "JaVaScRiPt:a", "java\nscript:a", "\njavascript:a", "data:,a"])
def test_script(path: str) -> None:
    """I12: no scheme, however it is spelled."""
    refused(path)


@pytest.mark.parametrize(
    "path",
    ["/ok\r\nSet-Cookie: a=b", "/ok%0d%0aSet-Cookie:a=b", "/ok?x=%0D%0A", "/ok#%0a", "/ok?%7f", "/ok?%1F", "/a%250a"],
)
def test_header_split(path: str) -> None:
    """I14: no line break, spelled or encoded, gets towards a header."""
    refused(path)


@pytest.mark.parametrize(
    "path", ["/ok\x00", "/ok%00", "/ok?%00", "/ok\u2028", "/ok?\x7f", "/é", "/ok\ud800", "/ok%C2%85"]
)
def test_character_outside_printable_ascii(path: str) -> None:
    """I15: only printable ASCII, and no encoded control."""
    refused(path)


@pytest.mark.parametrize(
    "path", words("//good.com:80@evil.com //[::1] //[evil http://[bad //999999999 //0x7f000001 //2130706433")
)
def test_host_that_parsers_choke_on(path: str) -> None:
    """I16, I17: broken and numeric hosts are BadArgumentError, never a parser's own ValueError."""
    refused(path)


@pytest.mark.parametrize("path", ["evil.com", "@evil.com", ".evil.com", "-evil.com", "?a", "#a", "a/b", "./a"])
def test_relative_path(path: str) -> None:
    """I21: a path starts with a slash."""
    refused(path)


@pytest.mark.parametrize("path", ["", [], ["/a", "/b"], "/" + "a" * 9_999, b"/a", 5, True, object()])
def test_no_text_or_too_long(path: object) -> None:
    """I22, I34: what is empty, endless, given twice or no text is refused."""
    assert "2000" in refused(path)


def test_length_past_its_bound() -> None:
    """I22: 2,000 characters are the last that pass."""
    assert SITE.check_destination("/" + "a" * 1_999)
    refused("/" + "a" * 2_000)


@pytest.mark.parametrize(
    "path",
    words("""/.//evil.com /..//evil.com /a/../../evil /. /.. /a/. /a/.. /a/./b /%2e%2e/a /a/%2E /a/.%2e/b
        /%252e%252e/a"""),
)
def test_dot_segment(path: str) -> None:
    """I24: dot segments are refused, plain and encoded; nothing is normalised."""
    assert "dot segment" in refused(path)


@pytest.mark.parametrize("path", ["/%2F/evil.com", "/%2fevil.com", "/%252Fevil.com", "/%5cevil.com", "/%09/evil.com"])
def test_encoded_slash_that_makes_two(path: str) -> None:
    """I25: an encoded slash, backslash or tab that would make another host is refused."""
    refused(path)


def test_encoding_without_end() -> None:
    """I25: however often it is encoded, it is decoded to the end; each round is shorter, so that there is an end."""
    deep = "%" + "25" * 990
    refused(f"/{deep}2f")
    assert SITE.check_destination(f"/{deep}41") == f"/{deep}41"
    assert "//" in refused("/a/%25%32%66b")


@pytest.mark.parametrize(
    "path",
    words("""/logout /logout/ /LogOut /account/log-out /signout /sign-out/ /users/sign_out /logout.php /logout;x=1
        /logout?next=/ /logout#a /%6cogout /%256cogout /a%2Flogout"""),
)
def test_forced_logout(path: str) -> None:
    """I26: a path whose last segment signs out is refused, whatever its case, ending or encoding."""
    assert "sign" in refused(path)


@pytest.mark.parametrize("path", ["/blogout", "/logouts", "/logout/help", "/sign-off", "/a?then=/logout", "/checkout"])
def test_word_that_resembles_logout(path: str) -> None:
    """I26: only the whole last segment counts."""
    assert SITE.check_destination(path) == path


@pytest.mark.parametrize(
    "path", ["/l/", "/l", f"/l/{TOKEN}", "/l/sign-in", "/l?a", "/l/#a", "/%6c/a", "/%256C", "/l%2Fa"]
)
def test_loop(path: str) -> None:
    """I26: nothing at or below the links' own path is a destination."""
    assert "links" in refused(path)


@pytest.mark.parametrize("path", ["/", "/?a", "/#a", f"/{TOKEN}", f"/{TOKEN}/", f"/{TOKEN}?a", f"/%41{TOKEN[1:]}"])
def test_loop_where_links_live_at_the_root(path: str) -> None:
    """I26: where the links' path is /, the pending link's page and whatever looks like a token are refused."""
    assert "links" in refused(path, AT_ROOT)


@pytest.mark.parametrize("path", ["/invoices/1001", f"/{TOKEN}a", f"/{TOKEN[1:]}", f"/a/{TOKEN}", f"/{TOKEN[1:]}."])
def test_root_taken_for_everything(path: str) -> None:
    """I26: where the links' path is /, the app's other pages are still destinations."""
    assert AT_ROOT.check_destination(path) == path


@pytest.mark.parametrize(
    "path", ["/ok?x=//evil.com", "/x?next=//evil", r"/a?b=%5c%2f..", "/a#//b/../c", "/a?b?c", "/a?%2525"]
)
def test_query_touched(path: str) -> None:
    """I27, I34: a query and a fragment are the app's own, and kept as they are."""
    assert SITE.check_destination(path) == path


@pytest.mark.parametrize("path", ["/%", "/%a", "/%zz", "/a?b=10%", "/a#%g0", "/%%2525", "/%２５"])
def test_broken_escape(path: str) -> None:
    """A percent sign that starts no escape is refused everywhere: programs differ on what it means."""
    refused(path)


@given(CANDIDATES)
@example("/a?x=//evil.com")
def test_another_origin(path: str) -> None:
    """Whatever is accepted stays on the origin, as RFC 3986 and as browsers read it, and comes back unchanged."""
    kept = accepted(path)
    if kept is None:
        return
    assert kept == path == SITE.check_destination(kept)
    assert kept.isascii()
    assert kept.isprintable()
    for reading in (kept, kept.replace("\\", "/"), re.sub(r"[\t\r\n]", "", kept), kept.strip()):
        target = urlsplit(urljoin(SITE.base_url, reading))
        assert f"{target.scheme}://{target.netloc}" == SITE.origin


@given(CANDIDATES)
@example("/%2561")
def test_another_path_after_decoding(path: str) -> None:
    """However often a server decodes an accepted path, tidying it changes nothing, and it stays off the links."""
    kept = accepted(path)
    if kept is None:
        return
    reading = re.split(r"[?#]", kept)[0]
    for _ in range(8):
        tidy = posixpath.normpath(reading)
        assert tidy == (reading.rstrip("/") or "/")
        assert not f"{tidy}/".startswith(SITE.path)
        assert posixpath.basename(tidy).lower() not in {"logout", "sign-out"}
        reading = unquote(reading)


@given(CANDIDATES)
@example("/invoices/1001")
def test_accepted_where_django_refuses(path: str) -> None:
    """What is accepted, Django's own check lets pass with no other host allowed."""
    http = pytest.importorskip("django.utils.http", reason="Django is the oracle of this test")
    if accepted(path) is not None:
        assert http.url_has_allowed_host_and_scheme(path, allowed_hosts=None, require_https=True)
