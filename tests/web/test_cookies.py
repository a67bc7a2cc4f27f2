"""The cookies of the conversation: what they hold, how long, for whom; and what is none, however it was sealed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import INVOICE, Key, KeyRing
from magiclink.links import run
from magiclink.web import Cookie, Request
from magiclink.web.cookies import MOST_GRANTS, Grant, Jar, make_tag
from tests.web.conftest import Site

if TYPE_CHECKING:
    from tests.web.conftest import Visitor

KEYS = KeyRing(signing=Key.generate())
NONCE = "n" * 22


def now(site: Site) -> int:
    """The instant of a request."""
    return site.links.flows.read_clock()


def jar_of(site: Site) -> Jar:
    """The jar of a site."""
    return site.conversation._jar


def bearing(*cookies: Cookie, form: tuple[tuple[str, str], ...] = ()) -> Request:
    """A request with some cookies."""
    return Request(method="POST", path="", cookies={each.name: each.value for each in cookies}, form=form)


def sealed(site: Site, kind: str, value: bytes) -> Request:
    """A request whose cookie was sealed with the right key, around whatever is given."""
    text = site.links.flows.seal(kind, value, expires_at=now(site) + 600_000_000)
    return Request(method="GET", path="", cookies={jar_of(site)._names[kind]: text})


def grant_of(site: Site, number: int) -> Grant:
    """A grant of one invoice."""
    token = site.invoice(resource=f"invoice:{number}").token
    return Grant(token=token, opened_at=now(site), tag=make_tag("invoice", f"invoice:{number}"))


def test_https_cookies(site: Site) -> None:
    """On https no other host of the domain can set a cookie of ours (`__Host-`), and none goes over plain http."""
    cookie = jar_of(site).keep_pending(bearing(), site.invoice().token, now(site))
    assert cookie.name.startswith("__Host-magiclink-pending-")
    assert cookie.to_header().endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize("base_url", ["http://localhost:8000/l/", "http://127.0.0.1/l/", "http://[::1]:8000/l/"])
def test_loopback_cookies(base_url: str) -> None:
    """On loopback http, browsers would refuse `__Host-` and Secure: neither is there, and all else is."""
    site = Site(settings={"base_url": base_url})
    cookie = jar_of(site).keep_pending(bearing(), site.invoice().token, now(site))
    assert cookie.name.startswith("magiclink-pending-")
    assert cookie.to_header().endswith("; Path=/; HttpOnly; SameSite=Lax")
    assert not jar_of(site).clear_pending().secure


def test_names_differ_by_base_url() -> None:
    """Two apps of one host, with one key, keep their cookies apart."""
    sites = [Site(settings={"base_url": f"https://billing.example/{path}/", "keys": KEYS}) for path in ("l", "m")]
    names = [name for site in sites for name in jar_of(site)._names.values()]
    assert len(set(names)) == 6


def test_pending_lives_ten_minutes(site: Site) -> None:
    """A link that was clicked waits ten minutes; at the exact instant it has gone."""
    token = site.sign_in().token
    cookie = jar_of(site).keep_pending(bearing(), token, now(site))
    assert cookie.max_age == 600
    site.clock.tick(timedelta(minutes=10) - timedelta(microseconds=1))
    pending = jar_of(site).read_pending(bearing(cookie), now(site))
    assert pending is not None
    assert pending.token == token
    site.clock.tick(timedelta(microseconds=1))
    assert jar_of(site).read_pending(bearing(cookie), now(site)) is None


def test_nonce_is_kept_for_the_same_link(site: Site) -> None:
    """The same link again is the same person clicking twice: its nonce stays. Another link has its own."""
    first, second = site.sign_in().token, site.sign_in().token
    cookie = jar_of(site).keep_pending(bearing(), first, now(site))
    again = jar_of(site).keep_pending(bearing(cookie), first, now(site))
    other = jar_of(site).keep_pending(bearing(cookie), second, now(site))
    stranger = jar_of(site).keep_pending(bearing(), first, now(site))
    nonces = []
    for each in (cookie, again, other, stranger):
        pending = jar_of(site).read_pending(bearing(each), now(site))
        assert pending is not None
        nonces.append(pending.nonce)
    assert nonces[0] == nonces[1]
    assert len(set(nonces)) == 3


def test_pending_shows_no_secret(site: Site) -> None:
    """Rule 6: neither what waits nor what is open shows its token or nonce."""
    pending = jar_of(site).read_pending(
        bearing(jar_of(site).keep_pending(bearing(), site.invoice().token, now(site))), now(site)
    )
    assert pending is not None
    assert pending.token not in repr(pending)
    assert pending.nonce not in repr(pending)
    grant = grant_of(site, 1)
    assert grant.token not in repr(grant)


def test_pending_is_cleared(site: Site) -> None:
    """What is cleared has the name of what was set, or the browser would keep it."""
    cookie = jar_of(site).keep_pending(bearing(), site.invoice().token, now(site))
    cleared = jar_of(site).clear_pending()
    assert (cleared.name, cleared.value, cleared.max_age) == (cookie.name, "", 0)


FOREIGN = [
    b"",
    b"\x00" * 20,
    b"\xff" * 82,
    b"a" * 40,
    b"a" * 60,
    b"a" * 81,
    b"a" * 83,
    b"a" * 60 + b"\0" * 22,
    b"\n" * 82,
    b"a" * 82 + b"\n",
]


@pytest.mark.parametrize("value", FOREIGN)
def test_pending_of_another_shape(site: Site, value: bytes) -> None:
    """G14: what the right key has sealed around anything but a token and a nonce is no pending link."""
    assert jar_of(site).read_pending(sealed(site, "pending", value), now(site)) is None


@pytest.mark.parametrize("size", [0, 1, 20, 40, 60, 75, 76, 77, 608])
@pytest.mark.parametrize("byte", [b"\0", b"\xff", b"\n", b"."])
def test_grants_of_another_shape(site: Site, byte: bytes, size: int) -> None:
    """G14: what the right key has sealed around anything but grants is an empty bag, and raises nothing."""
    assert jar_of(site).read_grants(sealed(site, "grants", byte * size), now(site)) == ()


@pytest.mark.parametrize("value", [*FOREIGN, b"a" * 21, b"a" * 23, b"a" * 22 + b"\n"])
def test_nonce_of_another_shape(site: Site, value: bytes) -> None:
    """G14: a browser's nonce has one shape."""
    assert jar_of(site).read_browser(sealed(site, "browser", value), now(site)) is None


def test_stolen_key_and_a_link_id(site: Site) -> None:
    """Who holds the key and reads the database can seal a link id, in any spelling, and opens nothing by it."""
    visitor = site.visitor()
    visitor.get(site.invoice().token)
    [record] = site.store.store.__dict__["_records"].values()
    for text in (record.link_id.hex(), record.link_id.hex() + "A" * 20, "A" * 60):
        value = text.encode() + NONCE.encode()
        found = site.conversation.answer(sealed(site, "pending", value))
        assert run(found).status == 400


def test_stolen_key_and_a_grant(site: Site) -> None:
    """Who holds the key and reads the database can write a grant for every record, and opens nothing by it."""
    site.invoice()
    [record] = site.store.store.__dict__["_records"].values()
    opened_at = int(site.clock.now().timestamp() * 1_000_000).to_bytes(8, "big")
    tag = make_tag("invoice", "invoice:1001")
    values = [record.link_id.hex().encode() + b"A" * 20, b"A" * 60, record.series.hex().encode() + b"A" * 28]
    for name in values:
        request = sealed(site, "grants", name + opened_at + tag)
        assert len(jar_of(site).read_grants(request, now(site))) == 1
        assert run(site.conversation.find_open(request, INVOICE, "invoice:1001")) is None


def test_stolen_key_and_a_made_token(site: Site) -> None:
    """A token that the right key signs around a secret of the thief's own has no record: it opens nothing."""
    visitor: Visitor = site.visitor()
    site.invoice()
    at = int((site.clock.now() + timedelta(days=1)).timestamp()) * 1_000_000
    token, _ = site.links.flows._tokens.make("invoice", expires_at=at)
    grant = Grant(token=token, opened_at=now(site), tag=make_tag("invoice", "invoice:1001"))
    cookie = jar_of(site).keep_grant(bearing(), grant, timedelta(hours=8), now(site))
    assert run(site.conversation.find_open(bearing(cookie), INVOICE, "invoice:1001")) is None
    assert visitor.get(token).location == "/l/"
    assert visitor.get().status == 404


def test_grants_round_trip(site: Site) -> None:
    """A grant comes back as it was kept, to the microsecond."""
    site.clock.tick(timedelta(microseconds=123_457))
    grant = grant_of(site, 1)
    # Line feeds, where a careless pattern would stop.
    odd = replace(grant_of(site, 2), opened_at=0x0A0A0A0A0A0A0A, tag=b"\n" * 8)
    request = bearing(jar_of(site).keep_grant(bearing(), grant, timedelta(hours=8), now(site)))
    cookie = jar_of(site).keep_grant(request, odd, timedelta(hours=8), now(site))
    assert jar_of(site).read_grants(bearing(cookie), now(site)) == (odd, grant)


def test_eight_grants(site: Site) -> None:
    """A browser holds eight documents open, the newest first; the oldest is let go of."""
    request = bearing()
    grants = [grant_of(site, number) for number in range(MOST_GRANTS + 1)]
    for grant in grants:
        request = bearing(jar_of(site).keep_grant(request, grant, timedelta(hours=8), now(site)))
    assert jar_of(site).read_grants(request, now(site)) == tuple(reversed(grants[1:]))


def test_one_grant_a_link(site: Site) -> None:
    """A link that is opened again takes the place of its older grant, in front."""
    first, second = grant_of(site, 1), grant_of(site, 2)
    request = bearing()
    again = replace(first, opened_at=now(site) + 3_600_000_000)
    for grant in (first, second, again):
        request = bearing(jar_of(site).keep_grant(request, grant, timedelta(hours=8), now(site)))
    assert jar_of(site).read_grants(request, now(site)) == (again, second)


def test_cookies_are_small(site: Site) -> None:
    """G36: no cookie of ours comes near the 4,096 bytes that a browser keeps."""
    request = bearing()
    for number in range(MOST_GRANTS):
        request = bearing(jar_of(site).keep_grant(request, grant_of(site, number), timedelta(days=400), now(site)))
    pending = jar_of(site).keep_pending(bearing(), site.sign_in().token, now(site))
    _, known = jar_of(site).keep_browser(bearing(), now(site))
    [(name, value)] = request.cookies.items()
    assert len(name) + len(value) < 1_024
    assert len(pending.to_header()) < 512
    assert len(known.to_header()) < 512


def test_bag_of_grants_outlives_them(site: Site) -> None:
    """A cookie of grants lives a day, or as long as the longest session: each grant ends by its own record."""
    grant = grant_of(site, 1)
    assert jar_of(site).keep_grant(bearing(), grant, timedelta(hours=8), now(site)).max_age == 86_400
    assert jar_of(site).keep_grant(bearing(), grant, timedelta(days=2), now(site)).max_age == 172_800


def test_browser_nonce(site: Site) -> None:
    """A browser keeps its nonce while it comes back within the hour; another has another."""
    nonce, cookie = jar_of(site).keep_browser(bearing(), now(site))
    assert cookie.max_age == 3_600
    site.tick(minutes=59)
    again, cookie = jar_of(site).keep_browser(bearing(cookie), now(site))
    assert again == nonce
    site.tick(minutes=59)
    assert jar_of(site).read_browser(bearing(cookie), now(site)) == nonce
    assert jar_of(site).keep_browser(bearing(), now(site))[0] != nonce
    site.tick(minutes=1)
    assert jar_of(site).read_browser(bearing(cookie), now(site)) is None


def test_many_and_large_cookies(site: Site) -> None:
    """G36: two hundred cookies, or one of a megabyte, are looked past: ours is found by its name."""
    cookie = jar_of(site).keep_pending(bearing(), site.invoice().token, now(site))
    others = {f"{cookie.name}{number}": "x" * 4_096 for number in range(200)}
    request = replace(bearing(cookie), cookies=others | {cookie.name: cookie.value})
    assert jar_of(site).read_pending(request, now(site)) is not None
    for value in ("x" * 1_000_000, cookie.value * 20, cookie.value + "=", "\0", "\ud800", "é", " " + cookie.value):
        assert jar_of(site).read_pending(replace(request, cookies={cookie.name: value}), now(site)) is None


def test_form_is_of_its_page(site: Site) -> None:
    """A form is of the page that showed just this: each part counts, in its order, and None isn't an empty text."""
    shown = ("token", "nonce", None)
    form = jar_of(site).seal_form(*shown, now=now(site))
    request = bearing(form=(("form", form),))
    assert jar_of(site).is_form(request, *shown, now=now(site))
    others: list[tuple[str | None, ...]] = [
        ("token", "nonce", ""),
        ("token", "nonce", "None"),
        ("token", "nonce"),
        ("token", "nonce", None, None),
        ("nonce", "token", None),
        ("tokennonce", "", None),
        ("token", "nonc", "e"),
    ]
    assert not [other for other in others if jar_of(site).is_form(request, *other, now=now(site))]
    joined = bearing(form=(("form", jar_of(site).seal_form("a\1b", now=now(site))),))
    assert not jar_of(site).is_form(joined, "a", "b", now=now(site))


def test_form_is_one_field(site: Site) -> None:
    """A form value that is missing, given twice, empty, stale or of another kind is none."""
    form = jar_of(site).seal_form("a", now=now(site))
    _, known = jar_of(site).keep_browser(bearing(), now(site))
    for fields in ((), (("form", form), ("form", form)), (("form", ""),), (("form", known.value),), (("Form", form),)):
        assert not jar_of(site).is_form(bearing(form=fields), "a", now=now(site))
    assert not jar_of(site).is_form(replace(bearing(), form=None), "a", now=now(site))
    assert jar_of(site).is_form(bearing(form=(("form", form), ("x", "y"))), "a", now=now(site))
    site.tick(minutes=10)
    assert not jar_of(site).is_form(bearing(form=(("form", form),)), "a", now=now(site))


def test_half_a_surrogate_pair(site: Site) -> None:
    """A path or a name that is no Unicode text is another document, and raises nothing."""
    assert make_tag("invoice", "\ud800") != make_tag("invoice", "\udc00")
    form = jar_of(site).seal_form("\ud800", now=now(site))
    assert not jar_of(site).is_form(bearing(form=(("form", form),)), "\udc00", now=now(site))
    assert not site.visitor().opened("\ud800")


def test_make_tag_nothing() -> None:
    """A document of one purpose isn't found as another's."""
    assert (
        len({make_tag("invoice", "a"), make_tag("invoices", "a"), make_tag("invoice", "b"), make_tag("invoice", None)})
        == 4
    )
