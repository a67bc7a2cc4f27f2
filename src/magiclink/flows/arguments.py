"""Checks of what callers give: names of the app's, nonces, link ids, limits. Nothing is asked and nothing is written.

A message says what was given, what is wanted and what to write; it never shows a token, a URL or an address.
"""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from ..errors import BadArgumentError, InvalidLinkError, describe_type
from ..policy import Policy
from ..values import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT = 255
"""Characters of a subject, resource, audience or reason: what every database keeps in one column and index."""

PAGE = 1_000
"""The most that one `find` or one `history` gives."""

NOT_GENUINE = "the token isn't genuine"

_TOKEN_LENGTH = 60
_EXAMPLES = {"subject": ": write str(customer.id)", "resource": ': write f"invoice:{invoice.id}"'}
_TOKEN_SHAPE = re.compile(rf"[A-Za-z0-9_-]{{{_TOKEN_LENGTH}}}", re.ASCII)
_LINK_ID_SHAPE = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)


def check_text(value: object, what: str) -> str:
    """Return a name of the app's back, byte for byte, or raise BadArgumentError.

    Unicode of 1 to 255 characters without U+0000, which PostgreSQL can't keep; nothing is trimmed, folded or
    normalised.
    """
    wanted = f"a str of 1 to {LONGEST_TEXT} characters, without U+0000"
    if not isinstance(value, str):
        raise BadArgumentError(f"{what}: {wanted}; got {describe_type(value)}{_EXAMPLES.get(what, '')}")
    if not 0 < len(value) <= LONGEST_TEXT or "\0" in value:
        got = "U+0000" if "\0" in value else f"{len(value):,} characters"
        raise BadArgumentError(f"{what}: {wanted}; got {got}")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise BadArgumentError(f"{what}: {wanted}; got a lone surrogate, which is no Unicode text")
    return str(value)


def check_order(order: object) -> None:
    """Raise BadArgumentError for what isn't an Order, or has names that can't be kept."""
    if not isinstance(order, Order):
        raise BadArgumentError(f"issue_many: wanted Orders, got {describe_type(order)}")
    check_text(order.subject, "subject")
    if order.resource is not None:
        check_text(order.resource, "resource")
    if order.browser is not None:
        check_text(order.browser, "browser")


def check_binding(order: Order) -> None:
    """Raise BadArgumentError unless a browser is given where, and only where, the policy binds its links to one."""
    purpose = order.policy.purpose
    if order.policy.bind_browser and order.browser is None:
        raise BadArgumentError(f"{purpose} has bind_browser: give browser=, a nonce of the browser that asks")
    # Kept, it would look as if it bound the link, and no use would ask for it.
    if order.browser is not None and not order.policy.bind_browser:
        raise BadArgumentError(f"browser is for policies with bind_browser, and {purpose} has none: leave it out")


def find_policy(policies: Mapping[str, Policy], policy: object) -> Policy:
    """Return the registered policy that this one is, or raise BadArgumentError, which names what differs."""
    known = policies.get(policy.purpose) if isinstance(policy, Policy) else None
    # Nearly always it is the very policy: comparing two, field by field, costs a third of opening a token.
    if known is not None and (known is policy or known == policy):
        return known
    registered = ", ".join(policies)
    if not isinstance(policy, Policy):
        got = f"the name {policy!r}" if isinstance(policy, str) and policy in policies else describe_type(policy)
        raise BadArgumentError(f"policy: wanted a Policy, got {got}; registered are {registered}")
    if known is None:
        raise BadArgumentError(
            f"policy: registered are {registered}; got {policy.purpose}: add it to the policies of MagicLinks"
        )
    names = ", ".join(each.name for each in fields(Policy) if getattr(known, each.name) != getattr(policy, each.name))
    raise BadArgumentError(
        f"the purpose {policy.purpose} is registered with another {names}: "
        "register this policy, or give it a purpose of its own"
    )


def digest_nonce(nonce: str | None) -> bytes | None:
    """Return the digest by which a nonce of the caller's is recognised; the record needn't know the nonce itself."""
    return None if nonce is None else sha256(check_text(nonce, "attempt").encode()).digest()[:16]


def read_browser(browser: object) -> str | None:
    """Return the nonce of a browser, which is free to send any text: one that no issue takes is as good as none."""
    if browser is not None and not isinstance(browser, str):
        raise BadArgumentError(f"browser: a str, or None; got {describe_type(browser)}")
    return None if browser is None or len(browser) > LONGEST_TEXT else browser


def check_admit(admit: object) -> None:
    """Raise BadArgumentError for an `admit` that can't be called."""
    if not callable(admit):
        raise BadArgumentError(f"admit: a function that takes a LinkInfo, or None; got {describe_type(admit)}")


def check_reason(reason: object) -> str:
    """Return the reason of a revocation back: at most 255 characters, and it may be empty."""
    if not isinstance(reason, str) or len(reason) > LONGEST_TEXT:
        got = f"{len(reason):,} characters" if isinstance(reason, str) else describe_type(reason)
        raise BadArgumentError(f"reason: a str of at most {LONGEST_TEXT} characters; got {got}")
    return check_text(reason, "reason") if reason else ""


def check_limit(limit: object) -> int:
    """Return how many links or events are wanted, 1 to 1,000."""
    if type(limit) is not int or not 1 <= limit <= PAGE:
        raise BadArgumentError(f"limit: an int from 1 to {PAGE:,}; got {describe_type(limit)}")
    return limit


def check_keep(keep: object, least: timedelta) -> timedelta:
    """Return how long `purge` keeps links past their expiry back, at least as long as something may stay open."""
    if not isinstance(keep, timedelta) or keep < least:
        got = f"{keep}" if isinstance(keep, timedelta) else describe_type(keep)
        raise BadArgumentError(f"keep: a timedelta of at least {least}, the longest session or series; got {got}")
    return keep


def parse_link_id(link_id: object) -> bytes | None:
    """Read a link id in its one spelling, 40 hexadecimal digits in lower case; None for anything else."""
    if not isinstance(link_id, str) or len(link_id) != 40:
        return None
    try:
        raw = bytes.fromhex(link_id)
    except ValueError:
        return None
    return raw if raw.hex() == link_id else None


def read_link_id(link_id: object) -> bytes:
    """Read a link id, or raise InvalidLinkError, as for one that is unknown; the message says what was given."""
    raw = parse_link_id(link_id)
    if raw is None:
        raise InvalidLinkError(explain_link_id(link_id))
    return raw


def read_link_ids(link_ids: tuple[object, ...]) -> list[bytes]:
    """Read link ids; what can't be one is left out, but BadArgumentError for a token, a URL and what is no text."""
    for each in link_ids:
        if not isinstance(each, str) or _is_token_or_url(each):
            raise BadArgumentError(explain_link_id(each))
    return [raw for raw in map(parse_link_id, link_ids) if raw is not None]


def is_token_shaped(text: str) -> bool:
    """Return whether a text has the length and the alphabet of a token; it needn't be one."""
    return _TOKEN_SHAPE.fullmatch(text) is not None


def _is_token_or_url(value: str) -> bool:
    return "/" in value[:LONGEST_TEXT] or is_token_shaped(value)


def explain_link_id(value: object) -> str:
    """Say what was given in place of a link id, without showing it: it may be what opens a link."""
    wanted = "wanted is a link id, 40 hexadecimal digits in lower case: link.link_id"
    if not isinstance(value, str):
        return f"{wanted}; got {describe_type(value)}"
    if _is_token_or_url(value):
        return f"this looks like {'a URL' if '/' in value[:LONGEST_TEXT] else 'a token'}; {wanted}"
    return f"{wanted}; got {len(value):,} characters"


def explain_token(value: object) -> str:
    """Say why a token isn't taken, without showing it."""
    if not isinstance(value, str):
        return f"a token is a str: link.token; got {describe_type(value)}"
    # A flood of forgeries, which have a token's length, is to cost as little as it can.
    if len(value) == _TOKEN_LENGTH:
        return NOT_GENUINE
    if "/" in value[:LONGEST_TEXT]:
        return "this looks like a URL: its last part is the token"
    if _LINK_ID_SHAPE.fullmatch(value):
        return "this looks like a link id, which opens nothing; wanted is the token, the last part of the link's URL"
    return NOT_GENUINE
