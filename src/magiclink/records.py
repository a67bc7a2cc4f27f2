"""What is remembered of a link, and the values that a store is asked with. No I/O, no key, no clock, no log.

Instants and spans are integer microseconds (since 1970, UTC), so that no database rounds, shifts or localises them.
A record never holds the token, its secret or an address: only digests, which open nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

CLOCK_SKEW = 30_000_000
"""How far in the future (microseconds) a link may have been issued: the clocks of machines differ by a little."""


class State(StrEnum):
    """What can be said of a link at an instant; the first four can't be used."""

    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    USED = "used"
    EXPIRED = "expired"
    OUTSTANDING = "outstanding"


class Supersede(StrEnum):
    """When the older links of a series end."""

    NEVER = "never"
    ON_ISSUE = "on-issue"
    ON_DELIVERY = "on-delivery"


class Origin(StrEnum):
    """How a link came to be."""

    ISSUE = "issue"
    REMIND = "remind"
    RENEW = "renew"


# A tuple, not a dataclass: a store turns a row of forty columns into a record in one call of C.
class Record(NamedTuple):
    """One link, as a store keeps it; the columns of every store, in this order."""

    audience: str
    link_id: bytes
    """20 bytes: `expires_at` in whole seconds (4, big-endian), then 16 of the SHA-256 of the token's secret."""
    purpose: str
    subject: str
    resource: str | None
    destination: str | None
    recipient: bytes | None
    """Key id (1 byte), then a keyed digest (16) of the address."""
    stamp: bytes | None
    """Key id, then a keyed digest of the subject's security stamp."""
    browser: bytes | None
    """Key id, then a keyed digest of the nonce of the browser that asked."""
    series: bytes
    """16 bytes: a keyed digest that names the audience, purpose, subject, resource and recipient."""
    number: int | None
    """Its place in the series; None until the store has assigned it."""
    origin: str
    parent: bytes | None
    """The link id of the one that it was reissued from."""
    supersede: str
    generation: int | None
    """Its subject's generation when it was issued; None until the store has assigned it."""
    series_started_at: int
    reminded_at: int | None
    renewed_at: int | None
    reminders: int
    renewals: int
    issued_at: int
    expires_at: int
    max_uses: int | None
    session_lifetime: int
    mac: bytes | None = None
    """Key id, then a keyed digest over what the link was issued with."""
    issued_to: bytes | None = None
    """The recipient's digest as it was at issue; a rotation of keys never renames it."""
    bound: int = 0
    """1 where only the browser that asked may use it, else 0."""
    opens: str = ""
    """What it opens, as it was issued: `resource` or `account`."""
    ends_with: int = 0
    """Which changes of the account end it: a sum of flags."""
    language: str | None = None
    """The tag of the language that its mail was written in."""
    metadata: str | None = None
    """The app's own JSON text, at most 1,024 bytes."""
    issued_by: str = ""
    """Who issued it, as the app names them."""
    code: bytes | None = None
    passphrase: str | None = None
    code_expires_at: int | None = None
    attempts: int = 0
    openings: int = 0
    first_opened_at: int | None = None
    last_opened_at: int | None = None
    evidence: int = 0
    """The highest grade of evidence that a person opened it; 0 where there is none."""
    bounced_at: int | None = None
    bounce: str | None = None
    """What the mail server reported of its mail."""
    uses: int = 0
    first_used_at: int | None = None
    last_used_at: int | None = None
    attempt: bytes | None = None
    """A digest of the nonce of the last use, by which a second click of the same browser is told from a second use."""
    delivered_at: int | None = None
    superseded_at: int | None = None
    superseded_by: bytes | None = None
    """The link id of the one that took its place."""
    revoked_at: int | None = None
    revoked_by: str = ""
    revoke_reason: str = ""

    def state_at(self, now: int) -> State:
        """Tell its state; where several apply, the one that says most: revoked, superseded, used, expired."""
        if self.revoked_at is not None:
            return State.REVOKED
        if self.superseded_at is not None:
            return State.SUPERSEDED
        if self.max_uses is not None and self.uses >= self.max_uses:
            return State.USED
        # The interval is half-open: at the exact instant of its end a link has expired.
        return State.EXPIRED if now >= self.expires_at else State.OUTSTANDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What must hold in the very write that uses a link; `met_by` is the reference that SQL and scripts restate."""

    audience: str
    purpose: str
    now: int
    lifetime: int
    """The policy's, in microseconds: a policy that was tightened later works at once."""
    max_uses: int | None
    """The policy's limit; None is any number."""
    stamp: bytes | None = None
    """The digest that the record's stamp must equal, byte for byte; None where it must have none."""
    attempt: bytes | None = None
    """A digest of this use's nonce; the last use's, within `reclick`, is a second click and no second use."""
    reclick: int = 0
    ends_others: bool = False
    """Whether the same write supersedes the other outstanding links of its purpose, subject and recipient."""

    def met_by(self, record: Record) -> bool:
        """Return whether this use may be written. A record of an older generation has been read as revoked."""
        return (
            record.audience == self.audience
            and record.purpose == self.purpose
            and record.state_at(self.now) is State.OUTSTANDING
            and self.now < record.issued_at + self.lifetime
            and record.issued_at <= self.now + CLOCK_SKEW
            and (self.max_uses is None or record.uses < self.max_uses)
            and record.stamp == self.stamp
            and not self.is_reclick(record)
        )

    def is_reclick(self, record: Record) -> bool:
        """Return whether this is the last use's own nonce again, within `reclick` of that use."""
        return (
            self.attempt is not None
            and record.attempt == self.attempt
            and record.last_used_at is not None
            and self.now < record.last_used_at + self.reclick
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which records are meant: every field that is given must match, byte for byte."""

    audience: str
    purpose: str | None = None
    subject: str | None = None
    resource: str | None = None
    recipients: tuple[bytes, ...] | None = None
    """One address, as its digests under every key of the ring."""
    issued_before: int | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether it would mean every link of the audience."""
        return self == Selector(audience=self.audience)

    def matches(self, record: Record) -> bool:
        """Return whether a record is meant."""
        return (
            record.audience == self.audience
            and (self.purpose is None or record.purpose == self.purpose)
            and (self.subject is None or record.subject == self.subject)
            and (self.resource is None or record.resource == self.resource)
            and (self.recipients is None or record.recipient in self.recipients)
            and (self.issued_before is None or record.issued_at < self.issued_before)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that happened to a link and changed nothing: it was looked at, or refused."""

    audience: str
    link_id: bytes
    kind: str
    at: int
    reason: str = ""
