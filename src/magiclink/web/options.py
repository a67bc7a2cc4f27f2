"""What every adapter may be given, the same in every framework, and what of it can't work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

from ..errors import BadArgumentError, ConfigurationError
from ..policy import Opens
from ..presets import SIGN_IN
from ..records import Supersede

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..flows import Flows
    from ..policy import Policy
    from ..values import LinkInfo
    from .directory import Directory
    from .languages import Catalogue
    from .mailers import Mailer

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many mails may be asked for in an hour: for one link, to one address, from one source."""

    per_link: int = 3
    per_address: int = 5
    per_source: int = 30

    def __post_init__(self) -> None:
        for limit in (self.per_link, self.per_address, self.per_source):
            if type(limit) is not int or limit < 1:
                raise ConfigurationError("limits: numbers from 1, each an hour")


class Options(TypedDict, total=False):
    """What every adapter may be given, the same in every framework."""

    directory: Directory | None
    """The app's accounts; without them nobody can ask for a fresh link or sign in by mail."""
    mailer: Mailer | None
    """The way out for mails; a directory requires one."""
    home: str
    """Where links without a destination lead: a path of the app's own site, `/` by default."""
    sign_in: Policy
    """The policy of the links that the sign-in page mails: SIGN_IN by default, where it is among the app's policies.

    It opens an account, and `supersede` is NEVER: strangers may ask for its links.
    """
    describe: Callable[[LinkInfo], str | Mapping[str, str]] | None
    """Says in pages and mails what a link opens: one text, or one for each language, by its tag."""
    admit: Callable[[LinkInfo], bool] | None
    """The app's last check of a link: before its page shows the button or its document opens, and before its use."""
    limits: Limits
    """How many mails may be asked for in an hour; quiet, a request over a limit looks like any other."""
    sender: str | None
    """`From` of the mails: an address, or `Name <address>`; `no-reply@` the site's host by default."""
    reply_to: str | None
    """`Reply-To` of the mails."""
    languages: Sequence[str]
    """The languages of pages and mails, `("en",)` by default; the first is for readers of none of them."""
    translations: Callable[[str], Catalogue | None] | None
    """The app's own catalogue for a language, or None: `gettext`'s, with whichever sentences are to be different."""


def check_home(flows: Flows, home: str) -> str:
    """Return the path where links without a destination lead. Raises ConfigurationError."""
    try:
        checked = flows.site.check_destination(home)
    except BadArgumentError as error:
        raise ConfigurationError(f"home: {error}") from None
    if checked is None:
        raise ConfigurationError("home: a path of the app's own site, such as /")
    return checked


def check_sign_in(flows: Flows, policy: Policy) -> Policy | None:
    """Return the policy of the sign-in page, None where the app has no use for one. Raises ConfigurationError."""
    if flows.policies.get(policy.purpose) != policy:
        # Nobody asked for the default: the app may have no use for sign-in links.
        if policy == SIGN_IN:
            return None
        raise ConfigurationError("sign_in: one of the policies that MagicLinks was made with")
    if policy.opens is not Opens.ACCOUNT or policy.step_up:
        raise ConfigurationError("sign_in: a policy that opens an account, and no step-up")
    # Anybody may type an address: a new link must not end the one that its owner is about to click.
    if policy.supersede is not Supersede.NEVER:
        raise ConfigurationError("sign_in: a policy with supersede=Supersede.NEVER")
    return policy
