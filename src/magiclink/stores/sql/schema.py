"""The tables of the SQLAlchemy and Django stores, whose names begin with `magiclink_`: their keys and columns.

Instants and spans are integer microseconds; digests and link ids are lower-case hex, since drivers don't agree on
bytes. So a column is text or an integer, and every database keeps the same and compares it byte for byte. No row holds
a token, its secret or an address. SQLAlchemy's `metadata` is built of this; Django's models say the same for its
migrations and its admin.
"""

from __future__ import annotations

from typing import NamedTuple

TEXT = 255
"""Characters of a text that the library takes from the app."""

WORD = 32
"""Characters of a word of the library's own."""

DIGEST = 128
"""Characters of a digest in hex, as long as any may come to be."""

LINK_ID = 40
"""Characters of a link id in hex."""

KEY = 12 + LINK_ID
"""Characters of a link's key: a digest of its audience, then its link id."""


class Column(NamedTuple):
    """What a column holds."""

    size: int | None = None
    """Characters of its text, at most; None is an integer."""
    null: bool = False


class Table(NamedTuple):
    """The primary key of a table, in its order, and its columns by their names."""

    key: tuple[str, ...]
    columns: dict[str, Column]


INTEGER, MAYBE = Column(), Column(null=True)

TABLES = {
    # A key goes on with the expiry, with which a link id begins: purging goes along the key.
    "links": Table(
        ("id",),
        {
            "id": Column(KEY),
            "audience": Column(TEXT),
            "purpose": Column(TEXT),
            "subject": Column(TEXT),
            "resource": Column(TEXT, null=True),
            "destination": Column(2_000, null=True),
            "recipient": Column(DIGEST, null=True),
            "stamp": Column(DIGEST, null=True),
            "browser": Column(DIGEST, null=True),
            "series": Column(DIGEST),
            "number": INTEGER,
            "origin": Column(WORD),
            "parent": Column(LINK_ID, null=True),
            "supersede": Column(WORD),
            "generation": INTEGER,
            "series_started_at": INTEGER,
            "reminded_at": MAYBE,
            "renewed_at": MAYBE,
            "reminders": INTEGER,
            "renewals": INTEGER,
            "issued_at": INTEGER,
            "expires_at": INTEGER,
            "max_uses": MAYBE,
            "session_lifetime": INTEGER,
            "mac": Column(DIGEST, null=True),
            "issued_to": Column(DIGEST, null=True),
            "bound": INTEGER,
            "opens": Column(WORD),
            "ends_with": INTEGER,
            "language": Column(TEXT, null=True),
            "metadata": Column(1_024, null=True),
            "issued_by": Column(TEXT),
            "code": Column(DIGEST, null=True),
            "passphrase": Column(TEXT, null=True),
            "code_expires_at": MAYBE,
            "attempts": INTEGER,
            "openings": INTEGER,
            "first_opened_at": MAYBE,
            "last_opened_at": MAYBE,
            "evidence": INTEGER,
            "bounced_at": MAYBE,
            "bounce": Column(TEXT, null=True),
            "uses": INTEGER,
            "first_used_at": MAYBE,
            "last_used_at": MAYBE,
            "attempt": Column(DIGEST, null=True),
            "delivered_at": MAYBE,
            "superseded_at": MAYBE,
            "superseded_by": Column(LINK_ID, null=True),
            "revoked_at": MAYBE,
            "revoked_by": Column(TEXT),
            "revoke_reason": Column(TEXT),
        },
    ),
    # `number` counts up for all series of a subject, so that issuing looks nothing up. `last_link` is the highest link
    # id that the subject ever had: the row goes when purging has passed it.
    "subjects": Table(
        ("audience", "subject"),
        {
            "audience": Column(TEXT),
            "subject": Column(TEXT),
            "generation": INTEGER,
            "number": INTEGER,
            "last_link": Column(LINK_ID),
            "revoked_at": MAYBE,
            "reason": Column(TEXT),
        },
    ),
    "lookups": Table(("period", "key", "link"), {"period": Column(16), "key": Column(32), "link": Column(KEY)}),
    "notes": Table(
        ("link", "kind", "hour"),
        {"link": Column(KEY), "kind": Column(TEXT), "hour": INTEGER, "at": INTEGER, "reason": Column(TEXT)},
    ),
    # Windows are forgotten from the earliest end on.
    "limits": Table(
        ("ends_at", "limit_key", "span"),
        {"ends_at": INTEGER, "limit_key": Column(DIGEST), "span": INTEGER, "hits": INTEGER},
    ),
    "settlements": Table(
        ("audience", "resource"),
        {
            "audience": Column(TEXT),
            "resource": Column(TEXT),
            "at": INTEGER,
            "reason": Column(TEXT),
            "by": Column(TEXT),
            "purpose": Column(TEXT, null=True),
            "leads_to": Column(TEXT, null=True),
            "destination": Column(2_000, null=True),
        },
    ),
    "closings": Table(("link", "redeemed_at"), {"link": Column(KEY), "redeemed_at": INTEGER, "until": INTEGER}),
    "waits": Table(
        ("link", "nonce"), {"link": Column(KEY), "nonce": Column(DIGEST), "until": INTEGER, "failures": INTEGER}
    ),
}
"""Every table by its name without `magiclink_`."""
