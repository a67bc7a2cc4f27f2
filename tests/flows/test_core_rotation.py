"""A key is rotated: the new one signs, old links work, series go on, and a key that left the ring opens nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    SIGN_IN,
    STEP_UP,
    InvalidLinkError,
    Key,
    KeyRing,
    ReissueRefusedError,
    RevokedLinkError,
    State,
)

if TYPE_CHECKING:
    from tests.conftest import World

AP = "ap@acme.example"
WHO: dict[str, Any] = {"subject": "customer-7", "resource": "address", "recipient": AP}


def key(number: int) -> Key:
    """Make a key."""
    return Key(id=number, secret=sha256(b"key %d" % number).digest())


OLD = KeyRing(signing=key(1))
ADDED = KeyRing(signing=key(1), retired=(key(2),))
PROMOTED = KeyRing(signing=key(2), retired=(key(1),))
NEW = KeyRing(signing=key(2))


def test_link_from_before(world: World) -> None:
    """C07: a link works until its key leaves the ring, and is then like one that never was."""
    link = world.links(keys=OLD).issue(CONFIRM_EMAIL, **WHO)
    world.pop_calls()
    for call in (world.links(keys=NEW).verify, world.links(keys=NEW).redeem):
        with pytest.raises(InvalidLinkError):
            call(link.token, CONFIRM_EMAIL)
    with pytest.raises(InvalidLinkError):
        world.links(keys=NEW).renew(link.token, to=AP)
    assert world.pop_calls() == []
    world.links(keys=PROMOTED).redeem(link.token, CONFIRM_EMAIL)


def test_newest_key_signs(world: World) -> None:
    """C11: after the rotation the new key signs: its links need the old one no more."""
    link = world.links(keys=PROMOTED).issue(CONFIRM_EMAIL, **WHO)
    with pytest.raises(InvalidLinkError):
        world.links(keys=OLD).verify(link.token, CONFIRM_EMAIL)
    world.links(keys=NEW).redeem(link.token, CONFIRM_EMAIL)


def test_add_wait_promote(world: World) -> None:
    """C09: while machines run two configurations, each opens what the other issues, in every step."""
    for here, there in ((OLD, ADDED), (ADDED, PROMOTED)):
        for issuing, opening in ((here, there), (there, here)):
            link = world.links(keys=issuing).issue(CONFIRM_EMAIL, **WHO)
            world.links(keys=opening).redeem(link.token, CONFIRM_EMAIL)


def test_series_across_a_rotation(world: World) -> None:
    """Interval, counts, destination and superseding of a series go on across a rotation."""
    few = replace(CONFIRM_EMAIL, reissue_limit=2)
    before, after = world.links(few, keys=OLD), world.links(few, keys=PROMOTED)
    first = before.issue(few, **WHO, destination="/address")
    with pytest.raises(ReissueRefusedError, match=r"was made .* ago"):
        after.remind(few, **WHO)
    world.clock.tick(timedelta(minutes=5))
    before.remind(few, **WHO)
    world.clock.tick(timedelta(minutes=5))
    fresh = after.remind(few, **WHO)
    assert after.inspect(fresh.link_id).destination == "/address"
    after.mark_delivered(fresh.link_id)
    assert after.inspect(first.link_id).state is State.SUPERSEDED
    world.clock.tick(timedelta(minutes=5))
    for links in (after, world.links(few, keys=NEW)):
        with pytest.raises(ReissueRefusedError, match="fresh links"):
            links.remind(few, **WHO)


def test_renewal_across_a_rotation(world: World) -> None:
    """A link of the old key is renewed under the new one; its recipient is still known, and nobody else."""
    link = world.links(keys=OLD).issue(CONFIRM_EMAIL, **WHO)
    world.clock.tick(timedelta(days=2))
    with pytest.raises(ReissueRefusedError, match="recipient"):
        world.links(keys=PROMOTED).renew(link.token, to="boss@acme.example")
    fresh = world.links(keys=PROMOTED).renew(link.token, to=AP)
    world.links(keys=NEW).redeem(fresh.token, CONFIRM_EMAIL)


def test_recipient_across_a_rotation(world: World) -> None:
    """Looking for a recipient, and revoking by one, reaches what was issued under each key of the ring."""
    made = [world.links(keys=OLD).issue(CONFIRM_EMAIL, **{**WHO, "resource": str(each)}) for each in range(2)]
    after = world.links(keys=PROMOTED)
    assert {info.link_id for info in after.find(recipient=AP)} == {link.link_id for link in made}
    made.append(after.issue(CONFIRM_EMAIL, **WHO))
    assert {info.link_id for info in after.find(recipient=AP)} == {link.link_id for link in made}
    after.revoke_all(recipient=AP)
    assert {after.inspect(link.link_id).state for link in made} == {State.REVOKED}


def test_recipient_renamed(world: World) -> None:
    """Once an address is written to under the new key, its older links are found without the old one."""
    old = world.links(keys=OLD).issue(CONFIRM_EMAIL, **{**WHO, "resource": "other"})
    fresh = world.links(keys=PROMOTED).issue(CONFIRM_EMAIL, **WHO)
    assert {info.link_id for info in world.links(keys=NEW).find(recipient=AP)} == {old.link_id, fresh.link_id}


def test_signing_in_across_a_rotation(world: World) -> None:
    """Using a one-shot account link of the new key ends those of the old one, and the other way round."""
    who: dict[str, Any] = {"subject": "customer-7", "recipient": AP}
    for used in (0, 1):
        made = [world.links(keys=OLD).issue(SIGN_IN, **who), world.links(keys=PROMOTED).issue(SIGN_IN, **who)]
        world.links(keys=PROMOTED).redeem(made[used].token, SIGN_IN)
        assert world.links().inspect(made[1 - used].link_id).state is State.SUPERSEDED
        assert world.links().inspect(made[used].link_id).state is State.USED


def test_stamp_across_a_rotation(world: World) -> None:
    """A stamp under the old key is still compared: unchanged it lets in, changed it doesn't."""
    before, after = world.stamped(keys=OLD), world.stamped(keys=PROMOTED)
    same, changed = (before.issue(CONFIRM_EMAIL, subject=name, recipient=AP) for name in ("a", "b"))
    world.stamps["b"] = "second"
    redemption = after.redeem(same.token, CONFIRM_EMAIL)
    after.recall(same.link_id, redeemed_at=redemption.redeemed_at)
    with pytest.raises(RevokedLinkError):
        after.redeem(changed.token, CONFIRM_EMAIL)
    after.renew(same.token, to=AP)


def test_stamp_of_a_key_that_left(world: World) -> None:
    """What a link opened whose stamp can't be compared any more is closed."""
    link = world.stamped(keys=OLD).issue(CONFIRM_EMAIL, subject="customer-7")
    redemption = world.stamped(keys=PROMOTED).redeem(link.token, CONFIRM_EMAIL)
    with pytest.raises(RevokedLinkError):
        world.stamped(keys=NEW).recall(link.link_id, redeemed_at=redemption.redeemed_at)


def test_browser_across_a_rotation(world: World) -> None:
    """The browser that asked before the rotation may redeem after it."""
    bound = replace(STEP_UP, purpose="bound", step_up=False, bind_browser=True)
    link = world.links(bound, keys=OLD).issue(bound, subject="customer-7", browser="nonce")
    world.links(bound, keys=PROMOTED).redeem(link.token, bound, browser="nonce")


def test_rotation_without_a_recipient(world: World) -> None:
    """A series without a recipient goes on across a rotation too."""
    who: dict[str, Any] = {"subject": "customer-7", "resource": "address"}
    first = world.links(keys=OLD).issue(CONFIRM_EMAIL, **who)
    world.clock.tick(timedelta(minutes=5))
    fresh = world.links(keys=PROMOTED).remind(CONFIRM_EMAIL, **who)
    assert world.links().inspect(fresh.link_id).parent == first.link_id
