"""What the calls of MagicLinks take and give: frozen values, in datetimes, whose reprs hold no token and no address.

Only `Link` holds a token, and it shows it nowhere but in `url` and `token`. What is given has no truth value: a failure
raises, so `if links.verify(…)` can only be a mistake, and is told so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from .instants import to_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from .policy import Policy
    from .records import Record, State


class _NoTruth:
    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} has no truth value: a link that is refused raises RejectedLinkError")


# No dataclass: frameworks turn dataclasses into JSON field by field, and asdict() would hand out the token.
class Link(_NoTruth):
    """A link that was just made. Its `url` goes into the mail and nowhere else."""

    __slots__ = ("_at", "_base_url", "_token", "link_id", "purpose", "resource")

    link_id: str
    purpose: str
    resource: str | None
    _base_url: str
    _token: str
    _at: int

    def __init__(
        self, *, base_url: str, token: str, link_id: str, purpose: str, resource: str | None, expires_at: int
    ) -> None:
        put = super().__setattr__
        put("_base_url", base_url)
        put("_token", token)
        put("_at", expires_at)
        put("link_id", link_id)
        put("purpose", purpose)
        put("resource", resource)

    @property
    def url(self) -> str:
        """The link as it goes into the mail."""
        return self._base_url + self._token

    @property
    def token(self) -> str:
        """The signed string alone, for an app that builds its own URL."""
        return self._token

    @property
    def expires_at(self) -> datetime:
        """The instant (aware, UTC) from which it is refused."""
        return to_datetime(self._at)

    def __repr__(self) -> str:
        return f"<Link {self.link_id} purpose={self.purpose!r} url=hidden>"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Link is frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Link is frozen")

    def __copy__(self) -> Link:
        return self

    def __deepcopy__(self, memo: object) -> Link:
        return self

    # What pickles, and what jsonpickle and its like write out.
    def __getstate__(self) -> NoReturn:
        raise TypeError("a Link holds a token and isn't pickled: hand on its link_id, or send the mail here")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self.__getstate__()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One link of a monthly run: the arguments of one `issue`. Its repr hides the address and the browser's nonce."""

    policy: Policy
    subject: str
    resource: str | None = None
    recipient: str | None = field(default=None, repr=False)
    destination: str | None = None
    expires_at: datetime | None = None
    browser: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview(_NoTruth):
    """What may be shown before a link is used: nothing to log in with, not even whom it is for."""

    link_id: str
    purpose: str
    resource: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption(_NoTruth):
    """Proof that a link was used: what the app opens now, for whom, and how long it stays open."""

    link_id: str
    purpose: str
    subject: str
    resource: str | None
    destination: str | None
    redeemed_at: datetime
    session_ends_at: datetime

    @classmethod
    def from_record(cls, record: Record, *, redeemed_at: int) -> Redemption:
        """Build it from a record whose limits the policy has tightened."""
        return cls(
            link_id=record.link_id.hex(),
            purpose=record.purpose,
            subject=record.subject,
            resource=record.resource,
            destination=record.destination,
            redeemed_at=to_datetime(redeemed_at),
            session_ends_at=to_datetime(redeemed_at + record.session_lifetime),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkInfo(_NoTruth):
    """All that is known of a link at an instant, for the app, its support desk and its pages."""

    link_id: str
    purpose: str
    subject: str
    resource: str | None
    destination: str | None
    state: State
    origin: str
    parent: str | None
    issued_at: datetime
    expires_at: datetime
    max_uses: int | None
    uses: int
    delivered_at: datetime | None
    first_used_at: datetime | None
    last_used_at: datetime | None
    superseded_at: datetime | None
    revoked_at: datetime | None
    revoke_reason: str

    @classmethod
    def from_record(cls, record: Record, *, now: int) -> LinkInfo:
        """Build it from a record, as things stand at `now`."""
        return cls(
            link_id=record.link_id.hex(),
            purpose=record.purpose,
            subject=record.subject,
            resource=record.resource,
            destination=record.destination,
            state=record.state_at(now),
            origin=record.origin,
            parent=None if record.parent is None else record.parent.hex(),
            issued_at=to_datetime(record.issued_at),
            expires_at=to_datetime(record.expires_at),
            max_uses=record.max_uses,
            uses=record.uses,
            delivered_at=_instant(record.delivered_at),
            first_used_at=_instant(record.first_used_at),
            last_used_at=_instant(record.last_used_at),
            superseded_at=_instant(record.superseded_at),
            revoked_at=_instant(record.revoked_at),
            revoke_reason=record.revoke_reason,
        )


def _instant(at: int | None) -> datetime | None:
    return None if at is None else to_datetime(at)
