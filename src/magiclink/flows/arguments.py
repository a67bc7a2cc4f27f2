"""Checks of what callers give: names of the app's, nonces, link ids, limits. Nothing is asked and nothing is written.

A message says what was given, what is wanted and what to write; it never shows a token, a URL or an address.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import timedelta
from hashlib import sha256

from ..destinations import Site
from ..errors import BadArgumentError, InvalidLinkError, describe_type
from ..policy import Policy
from ..values import Order

LONGEST_TEXT = 255
"""Characters of a subject, resource, audience or reason: what every database keeps in one column and index."""

PAGE = 1_000
"""The most that one `find` or one `history` gives."""

NOT_GENUINE = "the token isn't genuine"

_TOKEN_LENGTH = 60
_EXAMPLES = {"subject": ": write str(customer.id)", "resource": ': write f"invoice:{invoice.id}"'}
_TOKEN_SHAPE = re.compile(rf"[A-Za-z0-9_-]{{{_TOKEN_LENGTH}}}", re.ASCII)
_LINK_ID_SHAPE = re.compile(r"[0-9a-f]{40}", re.ASCII)


def check_text(value: object, what: str, *, may_be_empty: bool = False) -> str:
    """Return a text of the app's back, byte for byte (nothing is trimmed or normalised), or raise BadArgumentError.

    Unicode of at most 255 characters, without U+0000, which PostgreSQL can't keep.
    """
    wanted = f"a str of {'at most' if may_be_empty else '1 to'} {LONGEST_TEXT} characters, without U+0000"
    if not isinstance(value, str):
        raise BadArgumentError(f"{what}: {wanted}; got {describe_type(value)}{_EXAMPLES.get(what, '')}")
    if not (value or may_be_empty) or len(value) > LONGEST_TEXT or "\0" in value:
        got = "U+0000" if "\0" in value else f"{len(value):,} characters"
        raise BadArgumentError(f"{what}: {wanted}; got {got}")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise BadArgumentError(f"{what}: {wanted}; got a lone surrogate, which is no Unicode text")
    return str(value)


def check_order(order: object, policies: Mapping[str, Policy], site: Site) -> None:
    """Raise BadArgumentError for what can't be taken, before anything is asked or made."""
    if not isinstance(order, Order):
        raise BadArgumentError(f"issue_many: wanted Orders, got {describe_type(order)}")
    check_text(order.subject, "subject")
    if order.resource is not None:
        check_text(order.resource, "resource")
    if order.browser is not None:
        check_text(order.browser, "browser")
    find_policy(policies, order.policy)
    site.check_destination(order.destination)


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


def check_limit(limit: object) -> int:
    """Return how many links or events are wanted, 1 to 1,000."""
    if type(limit) is not int or not 1 <= limit <= PAGE:
        raise BadArgumentError(f"limit: an int from 1 to {PAGE:,}; got {describe_type(limit)}")
    return limit


def check_keep(keep: object, policies: Iterable[Policy]) -> timedelta:
    """Return how long `purge` keeps links past their expiry back, at least as long as something may stay open."""
    least = max(span for policy in policies for span in (policy.session_lifetime, policy.ends_after) if span)
    if not isinstance(keep, timedelta) or keep < least:
        got = f"{keep}" if isinstance(keep, timedelta) else describe_type(keep)
        raise BadArgumentError(f"keep: a timedelta of at least {least}, the longest session or series; got {got}")
    return keep


def parse_link_id(link_id: object) -> bytes | None:
    """Read a link id in its one spelling, 40 hexadecimal digits in lower case; None for anything else."""
    return bytes.fromhex(link_id) if isinstance(link_id, str) and _LINK_ID_SHAPE.fullmatch(link_id) else None


def read_link_id(link_id: object) -> bytes:
    """Read a link id, or raise InvalidLinkError, as for one that is unknown; the message says what was given."""
    raw = parse_link_id(link_id)
    if raw is None:
        raise InvalidLinkError(explain_link_id(link_id))
    return raw


def read_link_ids(link_ids: tuple[object, ...]) -> list[bytes]:
    """Read link ids; what can't be one is left out, but BadArgumentError for a token, a URL and what is no text."""
    for each in link_ids:
        if not isinstance(each, str) or "/" in each or is_token_shaped(each):
            raise BadArgumentError(explain_link_id(each))
    return [raw for raw in map(parse_link_id, link_ids) if raw is not None]


def is_token_shaped(text: str) -> bool:
    """Return whether a text has the length and the alphabet of a token; it needn't be one."""
    return _TOKEN_SHAPE.fullmatch(text) is not None


def explain_link_id(value: object) -> str:
    """Say what was given in place of a link id, without showing it: it may be what opens a link."""
    wanted = "wanted is a link id, 40 hexadecimal digits in lower case: link.link_id"
    if not isinstance(value, str):
        return f"{wanted}; got {describe_type(value)}"
    if "/" in value or is_token_shaped(value):
        return f"this looks like {'a URL' if '/' in value else 'a token'}; {wanted}"
    return f"{wanted}; got {len(value):,} characters"


def explain_token(value: object) -> str:
    """Say why a token isn't taken, without showing it."""
    if not isinstance(value, str):
        return f"a token is a str: link.token; got {describe_type(value)}"
    # A flood of forgeries, of a token's length or of megabytes, is to cost as little as it can.
    if len(value) == _TOKEN_LENGTH or len(value) > 2_048:
        return NOT_GENUINE
    if "/" in value:
        return "this looks like a URL: its last part is the token"
    if _LINK_ID_SHAPE.fullmatch(value.lower()):
        return "this looks like a link id, which opens nothing; wanted is the token, the last part of the link's URL"
    return NOT_GENUINE
