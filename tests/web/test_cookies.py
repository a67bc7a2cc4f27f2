"""The cookies of the conversation: what they hold, how long, for whom; and what is none, however it was sealed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import INVOICE, Key, KeyRing
from magiclink.instants import to_datetime
from magiclink.links import run
from magiclink.web import Cookie, Request
from magiclink.web.cookies import MOST_GRANTS, Grant, Jar, tag_of
from tests.web.conftest import Site

if TYPE_CHECKING:
    from tests.web.conftest import Visitor

KEYS = KeyRing(signing=Key.generate())
NONCE = "n" * 22


def jar_of(site: Site) -> Jar:
    """The jar of a site."""
    return site.conversation._jar


def bearing(*cookies: Cookie, form: tuple[tuple[str, str], ...] = ()) -> Request:
    """A request with some cookies."""
    return Request(method="POST", path="", cookies={each.name: each.value for each in cookies}, form=form)


def sealed(site: Site, kind: str, value: bytes) -> Request:
    """A request whose cookie was sealed with the right key, around whatever is given."""
    text = run(site.links.flows.seal(kind, value, lifetime=timedelta(minutes=10)))
    return Request(method="GET", path="", cookies={jar_of(site)._names[kind]: text})


def grant_of(site: Site, number: int) -> Grant:
    """A grant of one invoice."""
    token = site.invoice(resource=f"invoice:{number}").token
    return Grant(token=token, opened_at=site.clock.now(), tag=tag_of("invoice", f"invoice:{number}"))


def test_https_cookies(site: Site) -> None:
    """On https no other host of the domain can set a cookie of ours (`__Host-`), and none goes over plain http."""
    cookie = run(jar_of(site).keep_pending(bearing(), site.invoice().token))
    assert cookie.name.startswith("__Host-magiclink-pending-")
    assert cookie.to_header().endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize("base_url", ["http://localhost:8000/l/", "http://127.0.0.1/l/", "http://[::1]:8000/l/"])
def test_loopback_cookies(base_url: str) -> None:
    """On loopback http, browsers would refuse `__Host-` and Secure: neither is there, and all else is."""
    site = Site(settings={"base_url": base_url})
    cookie = run(jar_of(site).keep_pending(bearing(), site.invoice().token))
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
    cookie = run(jar_of(site).keep_pending(bearing(), token))
    assert cookie.max_age == 600
    site.clock.tick(timedelta(minutes=10) - timedelta(microseconds=1))
    pending = run(jar_of(site).pending(bearing(cookie)))
    assert pending is not None
    assert pending.token == token
    site.clock.tick(timedelta(microseconds=1))
    assert run(jar_of(site).pending(bearing(cookie))) is None


def test_nonce_is_kept_for_the_same_link(site: Site) -> None:
    """The same link again is the same person clicking twice: its nonce stays. Another link has its own."""
    first, second = site.sign_in().token, site.sign_in().token
    cookie = run(jar_of(site).keep_pending(bearing(), first))
    again = run(jar_of(site).keep_pending(bearing(cookie), first))
    other = run(jar_of(site).keep_pending(bearing(cookie), second))
    stranger = run(jar_of(site).keep_pending(bearing(), first))
    nonces = []
    for each in (cookie, again, other, stranger):
        pending = run(jar_of(site).pending(bearing(each)))
        assert pending is not None
        nonces.append(pending.nonce)
    assert nonces[0] == nonces[1]
    assert len(set(nonces)) == 3


def test_pending_shows_no_secret(site: Site) -> None:
    """Rule 6: neither what waits nor what is open shows its token or nonce."""
    pending = run(jar_of(site).pending(bearing(run(jar_of(site).keep_pending(bearing(), site.invoice().token)))))
    assert pending is not None
    assert pending.token not in repr(pending)
    assert pending.nonce not in repr(pending)
    grant = grant_of(site, 1)
    assert grant.token not in repr(grant)


def test_pending_is_cleared(site: Site) -> None:
    """What is cleared has the name of what was set, or the browser would keep it."""
    cookie = run(jar_of(site).keep_pending(bearing(), site.invoice().token))
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
    assert run(jar_of(site).pending(sealed(site, "pending", value))) is None


@pytest.mark.parametrize("size", [0, 1, 20, 40, 60, 75, 76, 77, 608])
@pytest.mark.parametrize("byte", [b"\0", b"\xff", b"\n", b"."])
def test_grants_of_another_shape(site: Site, byte: bytes, size: int) -> None:
    """G14: what the right key has sealed around anything but grants is an empty bag, and raises nothing."""
    assert run(jar_of(site).grants(sealed(site, "grants", byte * size))) == ()


@pytest.mark.parametrize("value", [*FOREIGN, b"a" * 21, b"a" * 23, b"a" * 22 + b"\n"])
def test_visit_of_another_shape(site: Site, value: bytes) -> None:
    """G14: a browser's name has one shape."""
    assert run(jar_of(site).visit(sealed(site, "visit", value))) is None


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
    tag = tag_of("invoice", "invoice:1001")
    values = [record.link_id.hex().encode() + b"A" * 20, b"A" * 60, record.series.hex().encode() + b"A" * 28]
    for name in values:
        request = sealed(site, "grants", name + opened_at + tag)
        assert len(run(jar_of(site).grants(request))) == 1
        assert run(site.conversation.opened(request, INVOICE, "invoice:1001")) is None


def test_stolen_key_and_a_made_token(site: Site) -> None:
    """A token that the right key signs around a secret of the thief's own has no record: it opens nothing."""
    visitor: Visitor = site.visitor()
    site.invoice()
    at = int((site.clock.now() + timedelta(days=1)).timestamp()) * 1_000_000
    token, _ = site.links.flows._tokens.make("invoice", expires_at=at)
    grant = Grant(token=token, opened_at=site.clock.now(), tag=tag_of("invoice", "invoice:1001"))
    cookie = run(jar_of(site).keep_grant(bearing(), grant, timedelta(hours=8)))
    assert run(site.conversation.opened(bearing(cookie), INVOICE, "invoice:1001")) is None
    assert visitor.get(token).location == "/l/"
    assert visitor.get().status == 404


def test_grants_round_trip(site: Site) -> None:
    """A grant comes back as it was kept, to the microsecond."""
    site.clock.tick(timedelta(microseconds=123_457))
    grant = grant_of(site, 1)
    # Line feeds, where a careless pattern would stop.
    odd = replace(grant_of(site, 2), opened_at=to_datetime(0x0A0A0A0A0A0A0A), tag=b"\n" * 8)
    request = bearing(run(jar_of(site).keep_grant(bearing(), grant, timedelta(hours=8))))
    cookie = run(jar_of(site).keep_grant(request, odd, timedelta(hours=8)))
    assert run(jar_of(site).grants(bearing(cookie))) == (odd, grant)


def test_eight_grants(site: Site) -> None:
    """A browser holds eight documents open, the newest first; the oldest is let go of."""
    request = bearing()
    grants = [grant_of(site, number) for number in range(MOST_GRANTS + 1)]
    for grant in grants:
        request = bearing(run(jar_of(site).keep_grant(request, grant, timedelta(hours=8))))
    assert run(jar_of(site).grants(request)) == tuple(reversed(grants[1:]))


def test_one_grant_a_link(site: Site) -> None:
    """A link that is opened again takes the place of its older grant, in front."""
    first, second = grant_of(site, 1), grant_of(site, 2)
    request = bearing()
    again = replace(first, opened_at=site.clock.now() + timedelta(hours=1))
    for grant in (first, second, again):
        request = bearing(run(jar_of(site).keep_grant(request, grant, timedelta(hours=8))))
    assert run(jar_of(site).grants(request)) == (again, second)


def test_cookies_are_small(site: Site) -> None:
    """G36: no cookie of ours comes near the 4,096 bytes that a browser keeps."""
    request = bearing()
    for number in range(MOST_GRANTS):
        request = bearing(run(jar_of(site).keep_grant(request, grant_of(site, number), timedelta(days=400))))
    pending = run(jar_of(site).keep_pending(bearing(), site.sign_in().token))
    _, visit = run(jar_of(site).keep_visit(bearing()))
    [(name, value)] = request.cookies.items()
    assert len(name) + len(value) < 1_024
    assert len(pending.to_header()) < 512
    assert len(visit.to_header()) < 512


def test_bag_of_grants_outlives_them(site: Site) -> None:
    """A cookie of grants lives a day, or as long as the longest session: each grant ends by its own record."""
    grant = grant_of(site, 1)
    assert run(jar_of(site).keep_grant(bearing(), grant, timedelta(hours=8))).max_age == 86_400
    assert run(jar_of(site).keep_grant(bearing(), grant, timedelta(days=2))).max_age == 172_800


def test_visit(site: Site) -> None:
    """A browser keeps its name while it comes back within the hour; another has another."""
    nonce, cookie = run(jar_of(site).keep_visit(bearing()))
    assert cookie.max_age == 3_600
    site.tick(minutes=59)
    again, cookie = run(jar_of(site).keep_visit(bearing(cookie)))
    assert again == nonce
    site.tick(minutes=59)
    assert run(jar_of(site).visit(bearing(cookie))) == nonce
    assert run(jar_of(site).keep_visit(bearing()))[0] != nonce
    site.tick(minutes=1)
    assert run(jar_of(site).visit(bearing(cookie))) is None


def test_many_and_large_cookies(site: Site) -> None:
    """G36: two hundred cookies, or one of a megabyte, are looked past: ours is found by its name."""
    cookie = run(jar_of(site).keep_pending(bearing(), site.invoice().token))
    others = {f"{cookie.name}{number}": "x" * 4_096 for number in range(200)}
    request = replace(bearing(cookie), cookies=others | {cookie.name: cookie.value})
    assert run(jar_of(site).pending(request)) is not None
    for value in ("x" * 1_000_000, cookie.value * 20, cookie.value + "=", "\0", "\ud800", "é", " " + cookie.value):
        assert run(jar_of(site).pending(replace(request, cookies={cookie.name: value}))) is None


def test_form_is_of_its_page(site: Site) -> None:
    """A form is of the page that showed just this: each part counts, in its order, and None isn't an empty text."""
    shown = ("token", "nonce", None)
    form = run(jar_of(site).form(*shown))
    request = bearing(form=(("form", form),))
    assert run(jar_of(site).is_form(request, *shown))
    others: list[tuple[str | None, ...]] = [
        ("token", "nonce", ""),
        ("token", "nonce", "None"),
        ("token", "nonce"),
        ("token", "nonce", None, None),
        ("nonce", "token", None),
        ("tokennonce", "", None),
        ("token", "nonc", "e"),
    ]
    assert not [other for other in others if run(jar_of(site).is_form(request, *other))]
    joined = bearing(form=(("form", run(jar_of(site).form("a\1b"))),))
    assert not run(jar_of(site).is_form(joined, "a", "b"))


def test_form_is_one_field(site: Site) -> None:
    """A form value that is missing, given twice, empty, stale or of another kind is none."""
    form = run(jar_of(site).form("a"))
    _, visit = run(jar_of(site).keep_visit(bearing()))
    for fields in ((), (("form", form), ("form", form)), (("form", ""),), (("form", visit.value),), (("Form", form),)):
        assert not run(jar_of(site).is_form(bearing(form=fields), "a"))
    assert not run(jar_of(site).is_form(replace(bearing(), form=None), "a"))
    assert run(jar_of(site).is_form(bearing(form=(("form", form), ("x", "y"))), "a"))
    site.tick(minutes=10)
    assert not run(jar_of(site).is_form(bearing(form=(("form", form),)), "a"))


def test_half_a_surrogate_pair(site: Site) -> None:
    """A path or a name that is no Unicode text is another document, and raises nothing."""
    assert tag_of("invoice", "\ud800") != tag_of("invoice", "\udc00")
    form = run(jar_of(site).form("\ud800"))
    assert not run(jar_of(site).is_form(bearing(form=(("form", form),)), "\udc00"))
    assert not site.visitor().opened("\ud800")


def test_tag_of_nothing() -> None:
    """A document of one purpose isn't found as another's."""
    assert len({tag_of("invoice", "a"), tag_of("invoices", "a"), tag_of("invoice", "b"), tag_of("invoice", None)}) == 4
