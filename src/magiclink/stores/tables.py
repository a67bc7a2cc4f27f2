"""The tables of the stores in SQL, each column once. Each store adds its own types, keys and indexes.

No statement stands here, and nothing is read or written.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ConfigurationError

VERSION = 2
"""The version of these tables, kept in `meta`: a store opens no other."""


class Column(NamedTuple):
    """One column of a table."""

    kind: str
    """`text`, `bytes` or `integer`."""
    is_required: bool
    """Whether it is never null."""


def read_columns(text: str) -> dict[str, Column]:
    """Read `name kind, name kind?`: a column whose kind ends with `?` may be null."""
    pairs = (each.split() for each in text.split(","))
    return {name: Column(kind.rstrip("?"), not kind.endswith("?")) for name, kind in pairs}


COLUMNS = {
    "links": read_columns(
        "audience text, link_id bytes, purpose text, subject text, resource text?, destination text?, recipient bytes?,"
        "stamp bytes?, browser bytes?, series bytes, number integer, origin text, parent bytes?, supersede text,"
        "generation integer, series_started_at integer, reminded_at integer?, renewed_at integer?, reminders integer,"
        "renewals integer, issued_at integer, expires_at integer, max_uses integer?, session_lifetime integer,"
        "mac bytes?, issued_to bytes?, bound integer, opens text, ends_with integer, language text?, metadata text?,"
        "issued_by text, code bytes?, passphrase text?, code_expires_at integer?, attempts integer, openings integer,"
        "first_opened_at integer?, last_opened_at integer?, evidence integer, bounced_at integer?, bounce text?,"
        "uses integer, first_used_at integer?, last_used_at integer?, attempt bytes?, delivered_at integer?,"
        "superseded_at integer?, superseded_by bytes?, revoked_at integer?, revoked_by text, revoke_reason text"
    ),
    # `number` counts up for all series of a subject, so that issuing looks nothing up.
    "subjects": read_columns(
        "audience text, subject text, generation integer, number integer, revoked_at integer?, reason text"
    ),
    "notes": read_columns("audience text, link_id bytes, kind text, hour integer, at integer, reason text"),
    "limits": read_columns("ends_at integer, limit_key bytes, span integer, hits integer"),
    "settlements": read_columns(
        "audience text, resource text, at integer, reason text, by text, purpose text?, leads_to text?,"
        "destination text?"
    ),
    "closings": read_columns("audience text, link_id bytes, redeemed_at integer, until integer"),
    "waits": read_columns("audience text, link_id bytes, nonce bytes, until integer, failures integer"),
    "meta": read_columns("name text, value integer"),
}
"""Every table with its columns, in order; those of `links` are the fields of a record."""

KEYS: dict[str, tuple[str, ...]] = {
    # A link id begins with its expiry: links are written at one end of the table, and purged from the other.
    "links": ("audience", "link_id"),
    "subjects": ("audience", "subject"),
    "notes": ("audience", "link_id", "kind", "hour"),
    # Windows that ended first stand first: forgetting them reads no others.
    "limits": ("ends_at", "limit_key", "span"),
    "settlements": ("audience", "resource"),
    "closings": ("audience", "link_id", "redeemed_at"),
    "waits": ("audience", "link_id", "nonce"),
    "meta": ("name",),
}
"""Every table's primary key."""


def require_version(found: int | None, way_out: str) -> None:
    """Raise ConfigurationError unless this version was found; the way out is for tables of an older library."""
    if found == VERSION:
        return
    message = f"the tables have version {found}, this library reads {VERSION}"
    if found is not None and found > VERSION:
        raise ConfigurationError(f"{message}: a newer library has made it, install that one")
    raise ConfigurationError(f"{message} and migrates nothing: {way_out}, and issue the links anew")
