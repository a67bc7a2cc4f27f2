"""What a store must give back as it went in before it is trusted with a link: the same records for each `check`.

Here stands what is asked, never how: each store writes and reads in its own words, and takes back what it wrote.
"""

from __future__ import annotations

from ..errors import ConfigurationError
from ..records import Origin, Record, Supersede

LARGEST = 2**63 - 1

SAMPLE = Record(
    audience="Probe \u00c9",
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
    renewals=2**53 + 1,
    issued_at=1,
    expires_at=LARGEST - 1,
    max_uses=None,
    session_lifetime=0,
    passphrase="e\u0301",  # noqa: S106
    revoke_reason="\U0001f600" * 255,
)
"""A record of what stores have been seen to lose: accents, final spaces, long and empty texts, zeros, large integers.

By its link id it expires a second after 1970 began, so that it is the first to be forgotten.
"""

SAMPLES = tuple(
    SAMPLE._replace(audience=name) for name in (SAMPLE.audience, "probe \u00e9", "Probe \u00c9 ", "Probe E")
)
"""The same link for four audiences, which a collation may take for one: by case, by a final space, by an accent."""


def check_same(probe: Record, found: Record | None) -> None:
    """See that a probe was found as it was added, as the first of its series. Raises ConfigurationError."""
    if found != probe._replace(number=1, generation=0):
        raise ConfigurationError("a record doesn't come back from the store as it went in")
