"""The policies of an invoicing app; `dataclasses.replace(INVOICE, lifetime=timedelta(days=7))` varies one."""

from datetime import timedelta

from .policy import Deviation, Opens, Policy
from .records import Supersede

SIGN_IN = Policy(
    purpose="sign-in",
    opens=Opens.ACCOUNT,
    lifetime=timedelta(minutes=10),  # ASVS 5.0, 6.5.5
    session_lifetime=timedelta(hours=12),  # a working day; NIST SP 800-63B-4, 2.2.3, allows 24 hours at AAL2
    # Somebody who asks for another sign-in link must not be able to end the one that its owner is about to click.
    supersede=Supersede.NEVER,
    reissue_on_reminder=False,
    reissue_interval=timedelta(minutes=1),
    reissue_limit=5,
    ends_after=timedelta(hours=1),
)
"""Sign in by mail: once, within ten minutes, by pressing a button."""

INVOICE = Policy(
    purpose="invoice",
    opens=Opens.RESOURCE,
    lifetime=timedelta(days=14),
    session_lifetime=timedelta(hours=8),
    max_uses=None,
    # One click opens it: nothing is used up and nobody is signed in, so a scanner's visit does no harm.
    confirm=False,
    reissue_limit=12,
    ends_after=timedelta(days=365),
)
"""Open one invoice, without a login, for two weeks; a reminder carries a fresh link."""

CLIENT_PORTAL = Policy(
    purpose="client-portal",
    opens=Opens.ACCOUNT,
    lifetime=timedelta(days=14),
    session_lifetime=timedelta(hours=12),
    max_uses=None,
    reissue_limit=12,
    ends_after=timedelta(days=365),
    deviations=(
        Deviation(rule="account-lifetime", reason="customers click days after the mail came", up_to=timedelta(days=14)),
        Deviation(rule="account-reusable", reason="customers come back to the portal from the same mail"),
    ),
)
"""The 2013 product's own link: a mail that opens all of a customer's invoices for two weeks."""

CONFIRM_EMAIL = Policy(
    purpose="confirm-email",
    opens=Opens.RESOURCE,
    lifetime=timedelta(hours=24),
    session_lifetime=timedelta(minutes=10),
    reissue_limit=5,
    ends_after=timedelta(days=7),
)
"""Prove that an address is read by its owner."""

STEP_UP = Policy(
    purpose="step-up",
    opens=Opens.ACCOUNT,
    lifetime=timedelta(minutes=10),  # ASVS 5.0, 6.5.5
    session_lifetime=timedelta(minutes=15),
    supersede=Supersede.NEVER,
    reissue_on_reminder=False,
    renew_on_request=False,
    step_up=True,
)
"""Prove once more, before something that matters, that the person signed in reads the account's mail."""

SET_PASSWORD = Policy(
    purpose="set-password",
    opens=Opens.RESOURCE,
    lifetime=timedelta(minutes=10),  # ASVS 5.0, 6.5.5: the document that it opens is a key to the account
    session_lifetime=timedelta(minutes=10),
    reissue_on_reminder=False,
    reissue_interval=timedelta(minutes=1),
    reissue_limit=5,
    ends_after=timedelta(hours=1),
)
"""Choose a password: the first, or a new one."""
