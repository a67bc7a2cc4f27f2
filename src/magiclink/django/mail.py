"""Mails through Django: `DjangoMailer` hands each to the site's mail backend, whichever that is.

Nothing here reads a setting, changes a mail that was composed, or puts an address or a link into an error.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, Policy
from typing import Any

from django.core.mail import EmailMultiAlternatives

from ..errors import UnavailableError


class DjangoMailer:
    """Sends through Django's mail: `MAILERS`, `EMAIL_BACKEND` and other settings are read by Django alone."""

    def send(self, message: EmailMessage) -> None:
        """Hand a mail to Django's backend. Raises UnavailableError if it wasn't accepted."""
        try:
            accepted = _DjangoMessage(message).send()
        except Exception as error:  # noqa: BLE001  # whatever a backend raises
            # The message of the error may hold the address: it isn't passed on.
            raise UnavailableError(
                f"the mail backend failed ({type(error).__name__}): check it by `manage.py sendtestemail`"
            ) from None
        if accepted == 0:
            raise UnavailableError("the mail backend accepted no mail: its send_messages() returned 0")


class _DjangoMessage(EmailMultiAlternatives):
    """A composed mail as Django's: in parts for backends that call a service, whole for those that write it out."""

    def __init__(self, composed: EmailMessage) -> None:
        text, html = (composed.get_body((kind,)) for kind in ("plain", "html"))
        own_fields = ("From", "To", "Reply-To", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
        super().__init__(
            subject=str(composed["Subject"]),
            body=text.get_content() if text is not None else "",
            from_email=str(composed["From"]),
            to=[str(each) for each in composed["To"].addresses],
            reply_to=[str(each) for each in composed["Reply-To"].addresses] if "Reply-To" in composed else [],
            headers={name: str(value) for name, value in composed.items() if name not in own_fields},
        )
        if html is not None:
            self.attach_alternative(html.get_content(), "text/html")
        self._composed = BytesParser(_SMTPMessage, policy=SMTP).parsebytes(composed.as_bytes(policy=SMTP))

    # Django would generate the mail again, by rules that differ between versions, and some of them fold links.
    def message(self, **_: Any) -> EmailMessage:
        """Return the mail as it was composed."""
        return self._composed


class _SMTPMessage(EmailMessage):
    """A mail whose bytes have the line ends of SMTP, with whatever arguments Django asks for them."""

    def as_bytes(self, unixfrom: bool = False, policy: Policy | None = None, **_: object) -> bytes:  # noqa: FBT001, FBT002
        """Return the mail as it is sent."""
        return super().as_bytes(unixfrom, policy or SMTP)
