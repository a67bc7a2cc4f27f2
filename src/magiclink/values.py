"""What the calls of MagicLinks take and give: frozen values, in datetimes, whose reprs hold no token and no address.

Only `Link` holds a token, and it shows it nowhere but in `url` and `token`. What is returned has no truth value: a
failure raises, so `if links.verify(…)` can only be a mistake, and raises TypeError. Every instant is an aware datetime
in UTC.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, Self

from .instants import to_datetime
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
    """Names the link in logs and for revocation: 40 hexadecimal digits in lower case; useless for opening it."""
    purpose: str
    """The purpose of its policy."""
    resource: str | None
    """The one thing it opens, as the app names it; None where it names none."""
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
        """Return the link as it goes into the mail."""
        return self._base_url + self._token

    @property
    def token(self) -> str:
        """Return the signed string alone, for an app that builds its own URL."""
        return self._token

    @property
    def expires_at(self) -> datetime:
        """Return the instant (aware, UTC) from which it is refused."""
        return to_datetime(self._at)

    def __repr__(self) -> str:
        return f"<Link {self.link_id} purpose={self.purpose!r} url=hidden>"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Link is frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Link is frozen")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
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
    """One of the policies that MagicLinks was made with."""
    subject: str
    """Whom it is for, as the app names them: 1 to 255 characters."""
    resource: str | None = None
    """The one thing it opens, as the app names it; None where it opens an account, or names nothing."""
    recipient: str | None = field(default=None, repr=False)
    """The address that it is mailed to; None where the app hands it over in another way."""
    destination: str | None = None
    """The path of the app's own site that it leads to; None is the site's home."""
    expires_at: datetime | None = None
    """An earlier end than the policy's, aware and cut to the second; None is the policy's."""
    browser: str | None = field(default=None, repr=False)
    """The nonce of the browser that asked, for a policy with `bind_browser`; None for any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview(_NoTruth):
    """What may be shown before a link is used: nothing to log in with, not even whom it is for."""

    link_id: str
    """Names the link: 40 hexadecimal digits."""
    purpose: str
    """The purpose of its policy."""
    resource: str | None
    """The one thing it opens, as the app names it; None where it names none."""
    expires_at: datetime
    """The instant from which it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption(_NoTruth):
    """Proof that a link was used: what the app opens now, for whom, and how long it stays open."""

    link_id: str
    """Names the link: 40 hexadecimal digits; `recall` asks by it."""
    purpose: str
    """The purpose of its policy."""
    subject: str
    """Whom it is for, as the app names them."""
    resource: str | None
    """The one thing to open, as the app names it; None where it names none."""
    destination: str | None
    """The path of the app's own site to lead to; None where none was given."""
    redeemed_at: datetime
    """When it was used; a second click of the same browser has the instant of the first."""
    session_ends_at: datetime
    """When what it opened must close."""

    @classmethod
    def from_record(cls, record: Record, *, redeemed_at: int) -> Self:
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
    """Names the link: 40 hexadecimal digits."""
    purpose: str
    """The purpose of its policy."""
    subject: str
    """Whom it is for, as the app names them."""
    resource: str | None
    """The one thing it opens, as the app names it; None where it names none."""
    destination: str | None
    """The path of the app's own site that it leads to; None where none was given."""
    state: State
    """What can be said of it at that instant."""
    origin: str
    """How it came to be: `issue`, `remind` or `renew`."""
    parent: str | None
    """The link id of the one that it was reissued from; None where there is none."""
    issued_at: datetime
    """When it was made."""
    expires_at: datetime
    """The instant from which it is expired."""
    max_uses: int | None
    """How often it may be used; None is any number until it expires."""
    uses: int
    """How often it was used."""
    delivered_at: datetime | None
    """When the mail server took its mail; None before that."""
    first_used_at: datetime | None
    """When it was used first; None where it wasn't."""
    last_used_at: datetime | None
    """When it was used last; None where it wasn't."""
    superseded_at: datetime | None
    """When another link ended it; None where none did."""
    revoked_at: datetime | None
    """When it was withdrawn; None where it wasn't."""
    revoke_reason: str
    """What the app said when it withdrew the link; empty where it said nothing, or the link stands."""

    @classmethod
    def from_record(cls, record: Record, *, now: int) -> Self:
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
            delivered_at=_to_datetime(record.delivered_at),
            first_used_at=_to_datetime(record.first_used_at),
            last_used_at=_to_datetime(record.last_used_at),
            superseded_at=_to_datetime(record.superseded_at),
            revoked_at=_to_datetime(record.revoked_at),
            revoke_reason=record.revoke_reason,
        )


def _to_datetime(at: int | None) -> datetime | None:
    return None if at is None else to_datetime(at)
