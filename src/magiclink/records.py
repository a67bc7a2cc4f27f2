"""What is remembered of a link, and the values that a store is asked with. No I/O, no key, no clock, no log.

Instants and spans are integer microseconds (since 1970, UTC), so that no database rounds, shifts or localises them.
A record never holds the token, its secret or an address: only digests, which open nothing. A digest under a key of the
ring is the key's id (1 byte), then 16 bytes.
"""

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


class Opens(StrEnum):
    """What a link opens: one document, or the subject's whole account."""

    RESOURCE = "resource"
    ACCOUNT = "account"


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
    """The site or tenant that it is for."""
    link_id: bytes
    """20 bytes: `expires_at` in whole seconds (4, big-endian), then 16 of the SHA-256 of the token's secret."""
    purpose: str
    """The purpose of its policy."""
    subject: str
    """Whom it is for, as the app names them."""
    resource: str | None
    """The one thing it opens, as the app names it; None where it names none."""
    destination: str | None
    """The path of the app's own site that it leads to; None is its home."""
    recipient: bytes | None
    """A digest of the address; None where it was issued without one."""
    stamp: bytes | None
    """A digest of the subject's security stamp; None where the app had none."""
    browser: bytes | None
    """A digest of the nonce of the browser that asked; None where any browser may use it."""
    series: bytes
    """16 bytes: a keyed digest that names the audience, purpose, subject, resource and recipient."""
    number: int | None
    """Its number in the series, by which older is decided; None until the store has assigned it."""
    origin: str
    """How it came to be: an Origin."""
    parent: bytes | None
    """The link id of the one that it was reissued from; None where there is none."""
    supersede: str
    """When it ends the older links of its series: a Supersede."""
    generation: int | None
    """Its subject's generation when it was issued; None until the store has assigned it."""
    series_started_at: int
    """When the series was last begun by an issue; its absolute end is counted from here."""
    reminded_at: int | None
    """When the series had its last reminder; None where it had none."""
    renewed_at: int | None
    """When the series had its last renewal; None where it had none."""
    reminders: int
    """How many reminders the series had, this link included."""
    renewals: int
    """How many renewals the series had, this link included."""
    issued_at: int
    """When it was made."""
    expires_at: int
    """The instant from which it is expired: a whole second."""
    max_uses: int | None
    """How often it may be used; None is any number until it expires."""
    session_lifetime: int
    """How long what it opened stays open."""
    mac: bytes | None = None
    """A digest over what the link was issued with; None where it has none."""
    issued_to: bytes | None = None
    """The recipient's digest as it was at issue, which a rotation of keys never renames; None as for `recipient`."""
    bound: int = 0
    """1 where only the browser that asked may use it, else 0."""
    opens: str = ""
    """What it opens, as it was issued: `resource` or `account`."""
    ends_with: int = 0
    """Which changes of the account end it: a sum of flags."""
    language: str | None = None
    """The tag of the language that its mail was written in; None where the app named none."""
    metadata: str | None = None
    """The app's own JSON text, at most 1,024 bytes; None where there is none."""
    issued_by: str = ""
    """Who issued it, as the app names them; empty where it names nobody."""
    code: bytes | None = None
    """A digest of the code beside the link; None where there is none."""
    passphrase: str | None = None
    """A hash of the passphrase that the holder must type; None where there is none."""
    code_expires_at: int | None = None
    """The instant from which the code is expired; None where there is no code."""
    attempts: int = 0
    """How many wrong codes or passphrases were typed."""
    openings: int = 0
    """How often its document was opened."""
    first_opened_at: int | None = None
    """When its document was opened first; None where it wasn't."""
    last_opened_at: int | None = None
    """When its document was opened last; None where it wasn't."""
    evidence: int = 0
    """The highest grade of evidence that a person opened it; 0 where there is none."""
    bounced_at: int | None = None
    """When its mail came back; None where it didn't."""
    bounce: str | None = None
    """What the mail server reported of its mail; None where nothing came back."""
    uses: int = 0
    """How often it was used."""
    first_used_at: int | None = None
    """When it was used first; None where it wasn't."""
    last_used_at: int | None = None
    """When it was used last; None where it wasn't."""
    attempt: bytes | None = None
    """A digest of the last use's nonce, which tells a second click of one browser from a second use; None without."""
    delivered_at: int | None = None
    """When the mail server took its mail; None before that."""
    superseded_at: int | None = None
    """When another link ended it; None where none did."""
    superseded_by: bytes | None = None
    """The link id of the one that ended it; None where none did."""
    revoked_at: int | None = None
    """When it was withdrawn; None where it wasn't."""
    revoked_by: str = ""
    """Who withdrew it, as the app names them; empty where it names nobody."""
    revoke_reason: str = ""
    """What the app said when it withdrew the link; empty where it said nothing."""

    def state_at(self, now: int) -> State:
        """Return its state; where several apply, the one that says most: revoked, superseded, used, expired."""
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
