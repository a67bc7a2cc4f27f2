"""What every adapter takes, the same in every framework, and the check of each option that can be wrong by itself."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypedDict

from ..errors import BadArgumentError, ConfigurationError
from ..policy import Opens
from ..presets import SIGN_IN
from ..records import Supersede

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..flows import Flows
    from ..policy import Policy
    from ..values import LinkInfo
    from .directory import Directory
    from .languages import Catalogue
    from .mailers import Mailer


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many mails may be asked for in an hour: for one link, to one address, from one source."""

    per_link: int = 3
    per_address: int = 5
    per_source: int = 30

    def __post_init__(self) -> None:
        for name in ("per_link", "per_address", "per_source"):
            limit = getattr(self, name)
            if type(limit) is not int or limit < 1:
                raise ConfigurationError(f"limits: {name} is mails an hour, an int from 1, not {limit!r}")


class Options(TypedDict, total=False):
    """What every adapter takes, the same in every framework."""

    directory: Directory | None
    """The app's accounts; without them nobody can ask for a new link or sign in by mail."""
    mailer: Mailer | None
    """Sends the mails; a directory requires one."""
    home: str
    """Where links without a destination lead: a path of the app's own site, `/` by default."""
    sign_in: Policy
    """The policy of the links that the sign-in page mails: SIGN_IN by default, where it is among the app's policies.

    It opens an account, and `supersede` is NEVER: strangers may ask for its links.
    """
    describe: Callable[[LinkInfo], str | Mapping[str, str]] | None
    """Returns what a link opens, for pages and mails: one text, or one for each language, by its tag."""
    admit: Callable[[LinkInfo], bool] | None
    """The app's last check of a link: before its page shows the button or its document opens, and before its use."""
    limits: Limits
    """How many mails may be asked for in an hour. A request over a limit looks like any other."""
    sender: str | None
    """`From` of the mails: an address, or `Name <address>`; `no-reply@` the site's host by default."""
    reply_to: str | None
    """`Reply-To` of the mails."""
    languages: Sequence[str]
    """The languages of pages and mails, `("en",)` by default; the first is for readers of none of them."""
    translations: Callable[[str], Catalogue | None] | None
    """Returns the app's own catalogue for a language, or None: `gettext`'s, with the sentences that differ."""


def check_names(options: Iterable[str], *, also: Iterable[str] = ()) -> None:
    """Raise ConfigurationError for an option that doesn't exist; `also` names the adapter's own ones."""
    known = [*Options.__annotations__, *also]
    for name in options:
        if name not in known:
            raise ConfigurationError(f"there is no option {name}{suggest(name, known)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: "; is … meant?", or all known ones where none is close."""
    close = get_close_matches(name, known := sorted(known), 1)
    return f"; is {close[0]} meant?" if close else f": there are {', '.join(known)}"


def check_home(flows: Flows, home: str) -> str:
    """Return the path where links without a destination lead. Raises ConfigurationError."""
    try:
        checked = flows.site.check_destination(home)
    except BadArgumentError as error:
        raise ConfigurationError(f"home: {error}") from None
    if checked is None:
        raise ConfigurationError("home: got None; write a path of the app's own site, such as /")
    return checked


def check_sign_in(flows: Flows, policy: Policy) -> Policy | None:
    """Return the policy of the sign-in page, None where the app has no use for one. Raises ConfigurationError."""
    if flows.policies.get(policy.purpose) != policy:
        # Nobody has set the default: the app may have no use for sign-in links.
        if policy == SIGN_IN:
            return None
        registered = ", ".join(flows.policies)
        way_out = f"write MagicLinks(policies=[…]) with it; registered are {registered}"
        raise ConfigurationError(f"sign_in: {policy.purpose} isn't registered as this policy: {way_out}")
    if policy.opens is not Opens.ACCOUNT or policy.step_up:
        raise ConfigurationError(f"sign_in: {policy.purpose} must open an account and be no step-up, as SIGN_IN does")
    # Anybody may type an address: a new link must not end the one that its owner is about to click.
    if policy.supersede is not Supersede.NEVER:
        got = f"supersede={policy.supersede}"
        raise ConfigurationError(f"sign_in: {policy.purpose} has {got}; write supersede=Supersede.NEVER")
    return policy
