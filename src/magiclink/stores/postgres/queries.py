"""How the PostgreSQL store finds links: statements whose text depends on which fields a selector has."""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of columns and other texts of this module.

from __future__ import annotations

from typing import TYPE_CHECKING

from .statements import SELECT

if TYPE_CHECKING:
    from ...records import Selector

    Statement = tuple[str, dict[str, object]]

_BEHIND = "(SELECT issued_at, link_id FROM @links WHERE audience = %(audience)s AND link_id = %(after)s)"

_CONDITIONS = {
    "audience": "links.audience = %(audience)s",
    "purpose": "links.purpose = %(purpose)s",
    "subject": "links.subject = %(subject)s",
    "resource": "links.resource = %(resource)s",
    "recipients": "links.recipient = ANY(%(recipients)s::bytea[])",
    "issued_before": "links.issued_at < %(issued_before)s",
}


def find(selector: Selector, *, limit: int, after: bytes | None) -> Statement:
    """Read a page of what matches, newest first."""
    where, values = _match(selector)
    if after is not None:
        where = f"{where} AND (links.issued_at, links.link_id) < {_BEHIND}"
    values |= {"after": after, "limit": max(limit, 0)}
    return f"{SELECT}{where} ORDER BY links.issued_at DESC, links.link_id DESC LIMIT %(limit)s", values


def revoke(selector: Selector, *, now: int, reason: str) -> Statement:
    """Withdraw what matches, and lock its subjects before, in an order that all who lock several keep."""
    where, values = _match(selector)
    text = f"""
WITH s AS MATERIALIZED (
SELECT audience, subject, generation FROM @subjects WHERE audience = %(audience)s
AND subject IN (SELECT links.subject FROM @links links WHERE {where}) ORDER BY subject FOR NO KEY UPDATE)
UPDATE @links links SET revoked_at = %(now)s, revoke_reason = %(reason)s FROM s
WHERE s.audience = links.audience AND s.subject = links.subject AND links.generation = s.generation
AND links.revoked_at IS NULL AND {where}"""
    return text, values | {"now": now, "reason": reason}


def _match(selector: Selector) -> Statement:
    """Return the condition under which `Selector.matches`."""
    fields = {name: getattr(selector, name) for name in _CONDITIONS}
    values = {name: value for name, value in fields.items() if value is not None}
    if selector.recipients is not None:
        values["recipients"] = list(selector.recipients)
    return " AND ".join(_CONDITIONS[name] for name in values), values
