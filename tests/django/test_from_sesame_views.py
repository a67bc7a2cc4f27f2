"""Django-sesame's view, decorator and middleware beside ours: what `from-django-sesame.md` says of each, served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from sesame.decorators import authenticate
from sesame.utils import get_query_string

from magiclink import INVOICE, SIGN_IN, UsedLinkError
from magiclink.django.decorators import opened_by
from magiclink.testing import scan
from tests.django.desk import customer
from tests.django.sesame_site import WITH_SESAME, BothSites, theirs, visitor
from tests.django.site import HOST, page_of, text_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest
    from pytest_django.fixtures import Settings

    from magiclink import Redemption

pytestmark = pytest.mark.django_db

SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1"


@pytest.fixture
def both(settings: Settings) -> BothSites:
    """Return a site with both."""
    return BothSites(settings)


@pytest.fixture
def ann() -> User:
    """Return a user."""
    return customer()


def who(client: Client) -> str:
    """Say who is signed in to a browser."""
    return text_of(client.get("/", secure=True, headers={"Host": HOST}))


# sesame.views


def test_scanner(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.views` `LoginView`: a scanner's GET signs it in there, and uses the token up; ours waits for a person."""
    settings.SESAME_ONE_TIME = True
    scanner = Client(headers={"Host": HOST})
    url = f"https://{HOST}/sesame/login" + get_query_string(ann)
    scan(scanner, url)
    assert who(scanner) == "signed in: ann"
    assert visitor().get(url).status_code == 403
    link, scanner, person = both.sign_in_by(SIGN_IN, ann), Client(headers={"Host": HOST}), visitor()
    assert [answer.status for answer in scan(scanner, link.url)] == [303, 303, 303, 200]
    assert who(scanner) == "signed in: AnonymousUser"
    person.press(person.open(link.url))
    assert who(person.client) == "signed in: ann"


def test_get_and_post(both: BothSites, ann: User) -> None:
    """`sesame.views` `LoginView.get`: one GET there; two GETs and a POST here, the last of which uses the link."""
    assert page_of(visitor().get("/sesame/login" + get_query_string(ann))) == "302 /"
    link, browser = both.sign_in_by(SIGN_IN, ann), visitor()
    assert page_of(browser.get(link.url)) == "303 /l/"
    page = browser.get("/l/")
    assert (page.status_code, both.links.inspect(link.link_id).uses) == (200, 0)
    assert page_of(browser.press(page)) == "303 /"
    assert both.links.inspect(link.link_id).uses == 1


def test_one_view_a_scope(both: BothSites, ann: User) -> None:
    """`sesame.views` `LoginView.scope`: a view each there; one include of ours serves every purpose."""
    scoped = get_query_string(ann, scope="sign-in")
    told = [visitor().get(f"/sesame/{name}{scoped}").status_code for name in ("login", "scoped")]
    assert told == [403, 302]
    links = [both.invoice(ann, destination="/invoices/1001"), both.sign_in_by(SIGN_IN, ann)]
    assert [visitor().get(link.url)["Location"] for link in links] == ["/invoices/1001", "/l/"]


def test_link_that_has_ended(both: BothSites, ann: User) -> None:
    """`sesame.views` `LoginView.max_age`, `LoginView.login_failed`: a bare 403; here what happened, and a way on."""
    token = get_query_string(ann)
    assert visitor().get(f"/sesame/ended{token}").status_code == 403
    link, browser = both.sign_in_by(SIGN_IN, ann), visitor()
    both.clock.tick(SIGN_IN.lifetime)
    page = browser.open(link.url)
    assert page_of(page) == "410 expired"
    assert page_of(browser.press(page)) == "200 sent"
    assert both.outbox.last.to == ann.email
    assert visitor().get(link.url[:-1]).status_code == 404


def test_link_without_a_destination(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.views` `LoginView.next_page`, `LoginView.get_default_redirect_url`: `HOME` takes their place."""
    assert visitor().get("/sesame/login" + get_query_string(ann))["Location"] == "/"
    settings.MAGICLINK = {**settings.MAGICLINK, "HOME": "/invoices"}
    browser = visitor()
    assert browser.press(browser.open(both.sign_in_by(SIGN_IN, ann).url))["Location"] == "/invoices"


def test_next(both: BothSites, ann: User) -> None:
    """`sesame.views` `LoginView.redirect_field_name`: whoever passes it on may change where it leads; not ours."""
    assert visitor().get(f"/sesame/login{get_query_string(ann)}&next=/logout")["Location"] == "/logout"
    link, browser = both.sign_in_by(SIGN_IN, ann, destination="/invoices/1001"), visitor()
    browser.get(f"{link.url}?next=/logout")
    assert browser.press(browser.get("/l/?next=/logout"))["Location"] == "/invoices/1001"


def test_after_the_login(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.views` `LoginView.login_success`: a method there; `LANDING` is asked here, once somebody is signed in."""
    assert visitor().get("/sesame/silent" + get_query_string(ann)).status_code == 204

    def landing(request: HttpRequest, redemption: Redemption) -> str:
        assert str(request.user.pk) == redemption.subject
        return "/second-factor"

    settings.MAGICLINK = {**settings.MAGICLINK, "LANDING": landing}
    browser = visitor()
    assert browser.press(browser.open(both.sign_in_by(SIGN_IN, ann).url))["Location"] == "/second-factor"


# sesame.decorators


def test_view_for_one_document(both: BothSites, ann: User) -> None:
    """`sesame.decorators` `authenticate`: each request carries the token; here a cookie opens the view, for a time."""
    token, reader = get_query_string(ann), visitor()
    assert text_of(reader.get(f"/theirs/any/1001{token}")) == "1001 for ann"
    assert reader.get("/theirs/any/1001").status_code == 403
    reader = visitor()
    assert reader.get(both.invoice(ann, destination="/invoices/1001").url)["Location"] == "/invoices/1001"
    for _ in range(2):
        assert text_of(reader.get("/invoices/1001")) == "1001 for ann, signed in: AnonymousUser"
    both.clock.tick(INVOICE.session_lifetime)
    assert page_of(reader.get("/invoices/1001")) == "403 closed"


def test_decorator_without_arguments() -> None:
    """`sesame.decorators` `view=`: theirs decorates by itself; ours always says which document it is about."""
    bare: Any = opened_by
    assert callable(authenticate(theirs))
    with pytest.raises(TypeError):
        bare(theirs)


def test_another_document(both: BothSites, ann: User) -> None:
    """`sesame.decorators` `scope=`: either opens the one document, by the arguments of its route; ours names them."""
    token, reader = get_query_string(ann, scope="invoice:1001"), visitor()
    told = [reader.get(f"/theirs/scoped/{number}{token}").status_code for number in (1001, 1002)]
    assert told == [200, 403]
    reader.get(both.invoice(ann).url)
    assert [reader.get(f"/invoices/{number}").status_code for number in (1001, 1002)] == [200, 403]


def test_age_that_the_view_says(both: BothSites, ann: User) -> None:
    """`sesame.decorators` `max_age=`: the view says it there, the policy here."""
    token = get_query_string(ann, scope="invoice:1001")
    assert visitor().get(f"/theirs/ended/1001{token}").status_code == 403
    link, reader = both.invoice(ann), visitor()
    both.clock.tick(INVOICE.lifetime)
    assert page_of(reader.open(link.url)) == "410 expired"


def test_view_that_refuses_nobody(both: BothSites, ann: User) -> None:
    """`sesame.decorators` `required=`: AnonymousUser there; `opened` gives None here."""
    token = get_query_string(ann, scope="invoice:1001")
    paths = ["/theirs/optional/1001", f"/theirs/optional/1001{token}"]
    assert [text_of(visitor().get(path)) for path in paths] == ["1001 for AnonymousUser", "1001 for ann"]
    reader = visitor()
    assert text_of(reader.get("/invoices/1001/badge")) == "1001 for None"
    reader.get(both.invoice(ann).url)
    assert text_of(reader.get("/invoices/1001/badge")) == f"1001 for {ann.pk}"


def test_document_that_signs_in(both: BothSites, ann: User) -> None:
    """`sesame.decorators` `permanent=`: it may sign in there; a link either signs in or opens a document."""
    reader = visitor()
    reader.get("/theirs/permanent/1001" + get_query_string(ann, scope="invoice:1001"))
    assert who(reader.client) == "signed in: ann"
    reader = visitor()
    reader.get(both.invoice(ann).url)
    assert who(reader.client) == "signed in: AnonymousUser"
    reader = visitor()
    reader.press(reader.open(both.sign_in_by(SIGN_IN, ann, resource="invoice:1001").url))
    assert who(reader.client) == "signed in: ann"
    assert reader.get("/invoices/1001").status_code == 403


def test_somebody_else_is_signed_in(both: BothSites, ann: User) -> None:
    """`sesame.decorators` `override=`: a token replaces who is signed in; a link leaves them alone."""
    bob, reader = customer("bob", "bob@acme.example"), visitor()
    reader.client.force_login(bob, "django.contrib.auth.backends.ModelBackend")
    token = get_query_string(ann, scope="invoice:1001")
    told = [text_of(reader.get(f"/theirs/{name}/1001{token}")) for name in ("scoped", "careful")]
    assert told == ["1001 for ann", "1001 for bob"]
    assert text_of(reader.get("/invoices/1001/receipt")) == "1001 for bob"
    assert text_of(reader.open(both.invoice(ann, destination="/invoices/1001").url)) == "1001 for ann, signed in: bob"


# sesame.middleware


def test_token_on_any_page(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.middleware` `AuthenticationMiddleware`: it takes a token anywhere; here only the routes take one."""
    settings.MIDDLEWARE = WITH_SESAME
    reader = visitor()
    assert reader.get("/" + get_query_string(ann) + "&page=2")["Location"] == "/?page=2"
    assert who(reader.client) == "signed in: ann"
    link, reader = both.sign_in_by(SIGN_IN, ann), visitor()
    for query in (f"?magiclink={link.token}", f"?token={link.token}", f"?sesame={link.token}"):
        assert text_of(reader.get(f"/{query}")) == "signed in: AnonymousUser"
    assert both.links.inspect(link.link_id).uses == 0


@pytest.mark.parametrize("ours_first", [True, False])
def test_their_token_on_our_routes(ours_first: bool, both: BothSites, ann: User, settings: Settings) -> None:
    """Where our middleware comes first, sesame's sees no query on our routes; elsewhere it would take a token there."""
    settings.MIDDLEWARE = WITH_SESAME if ours_first else [each for each in WITH_SESAME if "magiclink" not in each]
    reader = visitor()
    told = page_of(reader.get("/l/" + get_query_string(ann)))
    assert told == ("400 no-cookie" if ours_first else "302 /l/")
    assert who(reader.client) == ("signed in: AnonymousUser" if ours_first else "signed in: ann")


def test_site_without_sessions(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.middleware` `AuthenticationMiddleware.process_request`: without sessions, each request by itself."""
    settings.MIDDLEWARE = ["sesame.middleware.AuthenticationMiddleware"]
    reader = visitor()
    told = [text_of(reader.get(f"/{query}")) for query in (get_query_string(ann), "")]
    assert told == ["signed in: ann", "signed in: AnonymousUser"]
    assert reader.client.cookies == {}
    reader.get(both.invoice(ann).url)
    assert [*reader.client.cookies] != []


def test_token_in_the_address(both: BothSites, ann: User, settings: Settings) -> None:
    """`sesame.middleware` `AuthenticationMiddleware.get_redirect`: after the login; ours before anything is used."""
    settings.MIDDLEWARE = WITH_SESAME
    reader = visitor()
    reader.get("/" + get_query_string(ann))
    assert who(reader.client) == "signed in: ann"
    link, reader = both.sign_in_by(SIGN_IN, ann), visitor()
    assert link.token not in reader.get(link.url)["Location"]
    assert both.links.inspect(link.link_id).uses == 0


def test_browsers(both: BothSites, ann: User) -> None:
    """`sesame.middleware` `AuthenticationMiddleware.is_safari`: no browser is told from another here."""
    link = both.sign_in_by(SIGN_IN, ann)
    told = [visitor().get(link.url, headers={"Host": HOST, "User-Agent": name}) for name in (SAFARI, "Mozilla/5.0")]
    assert [(answer.status_code, answer["Location"]) for answer in told] == [(303, "/l/")] * 2


# What either does to the other.


def test_sign_in_by_ours(both: BothSites, ann: User, settings: Settings) -> None:
    """A sign-in by our link ends the user's one-time tokens; one by a token ends no link."""
    settings.SESAME_ONE_TIME = True
    kept = both.sign_in_by(SIGN_IN, ann, recipient="ann@home.example")
    assert page_of(visitor().get("/sesame/login" + get_query_string(ann))) == "302 /"
    ann.refresh_from_db()
    token, reader = get_query_string(ann), visitor()
    reader.press(reader.open(both.sign_in_by(SIGN_IN, ann).url))
    assert visitor().get(f"/sesame/login{token}").status_code == 403
    both.links.redeem(kept.token, SIGN_IN)
    with pytest.raises(UsedLinkError):
        both.links.redeem(kept.token, SIGN_IN)


def test_signed_in_by_theirs(both: BothSites, ann: User) -> None:
    """Who is signed in by a token clicks a link of their own, and is asked first where it is somebody else's."""
    reader, bob = visitor(), customer("bob", "bob@acme.example")
    reader.get("/sesame/login" + get_query_string(ann))
    assert page_of(reader.open(both.sign_in_by(SIGN_IN, ann).url)) == "200 confirm"
    page = reader.open(both.sign_in_by(SIGN_IN, bob).url)
    assert page_of(page) == "200 switch"
    reader.press(page)
    assert who(reader.client) == "signed in: bob"
