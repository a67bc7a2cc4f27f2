"""The records that `check` writes into every store and reads again, before the store is trusted with a link.

This module says what is written. Each store says how it writes and reads, and undoes what it wrote.
"""

from __future__ import annotations

from ..errors import ConfigurationError
from ..records import Origin, Record, Supersede
from .base import LARGEST

SAMPLE = Record(
    audience="Sample \u00c9",
    link_id=b"\0\0\0\1" + bytes(range(240, 256)),
    purpose="A ",
    subject="\U0001f600" * 252 + "e\u0301 ",
    resource="",
    destination="/" * 2_000,
    recipient=bytes(17),
    stamp=None,
    browser=b"",
    series=b"\xff" * 16,
    number=None,
    origin=Origin.ISSUE,
    parent=None,
    supersede=Supersede.NEVER,
    generation=None,
    series_started_at=-LARGEST,
    reminded_at=None,
    renewed_at=0,
    reminders=0,
    renewals=LARGEST,
    issued_at=1,
    expires_at=LARGEST - 1,
    max_uses=None,
    session_lifetime=0,
    mac=bytes(17),
    opens="A ",
    language="",
    metadata="\U0001f600" * 256,
    issued_by="e\u0301 ",
    code=b"",
    passphrase="e\u0301",  # noqa: S106
    last_opened_at=LARGEST,
    superseded_by=bytes(20),
    revoke_reason="\U0001f600" * 255,
)
"""A record of what stores have been seen to lose: accents, final spaces, long and empty texts, zeros, large integers.

By its link id it expires a second after 1970 began, so that it is the first to be forgotten.
"""

SAMPLES = tuple(
    SAMPLE._replace(audience=name) for name in (SAMPLE.audience, "sample \u00e9", "Sample \u00c9 ", "Sample E")
)
"""The same link for four audiences, which a collation may take for one: by case, by a final space, by an accent."""


def check_same(sample: Record, found: Record | None) -> None:
    """Raise ConfigurationError unless a sample was found as it was added, as the first of its series."""
    expected = sample._replace(number=1, generation=0)
    if found is None:
        raise ConfigurationError("the store loses a record: it wrote one and doesn't find it again")
    if found != expected:
        changed = ", ".join(name for name, value in found._asdict().items() if value != getattr(expected, name))
        raise ConfigurationError(f"the store changes what it keeps: a record came back with another {changed}")
