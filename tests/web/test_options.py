"""The options of every adapter: what each of them must be, and what an unknown one was meant to be."""

from __future__ import annotations

from dataclasses import fields, replace
from inspect import signature
from typing import Any

import pytest

from magiclink import CLIENT_PORTAL, INVOICE, SIGN_IN, STEP_UP, ConfigurationError
from magiclink.records import Supersede
from magiclink.web import Limits, Options
from magiclink.web.options import check_names
from magiclink.web.responses import Responses
from tests.web.conftest import ORIGIN, Site


@pytest.mark.parametrize("field", [field.name for field in fields(Limits)])
@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None])
def test_limits_of_another_kind(field: str, value: object) -> None:
    """A limit is a number from 1 on: none, or one that is no number, is ConfigurationError."""
    given: dict[str, Any] = {field: value}
    with pytest.raises(ConfigurationError, match="limits"):
        Limits(**given)


def test_limits() -> None:
    """An hour, three mails for a link, five to an address, thirty from a source."""
    assert Limits() == Limits(per_link=3, per_address=5, per_source=30)
    assert Limits(per_link=1, per_address=1, per_source=1).per_link == 1


def test_options_can_all_be_left_out() -> None:
    """The conversation takes the options of every adapter, and needs none of them."""
    assert signature(Responses.__init__).parameters["options"].annotation == "Unpack[Options]"
    assert not Options.__required_keys__
    assert Responses(Site().links.flows).home == "/"


@pytest.mark.parametrize("home", ["//evil.example", "/l/", "/l", "/l/x", "/logout", "invoices", "", "/a\nb", None, 7])
def test_home_refused(home: object) -> None:
    """Home is a path of the app's own site that leads neither back to the links nor out of the session."""
    with pytest.raises(ConfigurationError, match="home"):
        Site(home=home)


def test_home_is_the_links_own_page() -> None:
    """Where the links live at `/`, the default home would be the page of the pending link, a loop: name another."""
    settings = {"base_url": f"{ORIGIN}/"}
    with pytest.raises(ConfigurationError, match="home"):
        Site(settings=settings)
    assert Site(settings=settings, home="/start").conversation.home == "/start"


def test_sign_in_policy() -> None:
    """The policy of sign-in links is one of the app's; the default is passed over where the app has no use for it."""
    assert Site().conversation.sign_in_policy == SIGN_IN
    assert Site(INVOICE).conversation.sign_in_policy is None
    own = replace(SIGN_IN, purpose="staff")
    assert Site(own, sign_in=own).conversation.sign_in_policy == own
    with pytest.raises(ConfigurationError, match="sign_in"):
        Site(INVOICE, sign_in=own)


@pytest.mark.parametrize("policy", [replace(INVOICE, supersede=Supersede.NEVER), STEP_UP])
def test_sign_in_policy_that_signs_nobody_in(policy: Any) -> None:
    """A document's link signs nobody in, and a step-up only who is signed in already."""
    with pytest.raises(ConfigurationError, match=r"must open an account and be no step-up|isn't registered"):
        Site(policy, sign_in=policy)


@pytest.mark.parametrize("supersede", [Supersede.ON_ISSUE, Supersede.ON_DELIVERY])
def test_sign_in_policy_that_supersedes(supersede: Supersede) -> None:
    """L07: anybody may type an address; a policy by which a new link ends the older ones is refused."""
    policy = replace(CLIENT_PORTAL, supersede=supersede)
    with pytest.raises(ConfigurationError, match="NEVER"):
        Site(policy, sign_in=policy)
    allowed = replace(policy, supersede=Supersede.NEVER)
    assert Site(allowed, sign_in=allowed).conversation.offers_sign_in


def test_unknown_option() -> None:
    """A name that is no option is refused, with the one that was meant, by whatever takes options."""
    with pytest.raises(ConfigurationError, match=r"^there is no option sendr; is sender meant\?$"):
        Site(sendr="billing@hill.example")
    with pytest.raises(ConfigurationError, match=r"^there is no option defr; is defer meant\?$"):
        check_names(["home", "defr"], also=["defer"])
    check_names(["home", "defer"], also=["defer"])
    check_names([])


def test_unknown_option_that_resembles_none() -> None:
    """Where no option resembles it, all of them are named."""
    with pytest.raises(ConfigurationError, match=r"^there is no option colour: there are admit, .*translations$"):
        check_names(["colour"])
