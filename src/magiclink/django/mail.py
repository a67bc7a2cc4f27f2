"""Mails by Django's own way out: `DjangoMailer` hands each to the site's mail backend, whichever that is.

What may not happen here: a setting that is read, a mail that differs from what was composed, and an address or a link
in an error.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

from django.core.mail import EmailMultiAlternatives

from ..errors import UnavailableError

if TYPE_CHECKING:
    from email.policy import Policy


class DjangoMailer:
    """Sends by Django's mail, and so by `MAILERS`, `EMAIL_BACKEND` and whatever else a version of Django goes by."""

    def send(self, message: EmailMessage) -> None:
        """Hand a mail to Django's backend. Raises UnavailableError where it wasn't taken."""
        try:
            taken = _Letter(message).send()
        except Exception as error:  # noqa: BLE001  # whatever a backend raises
            # What it says may hold the address: it isn't passed on.
            raise UnavailableError(f"the mail backend did not take the mail ({type(error).__name__})") from None
        if taken == 0:
            raise UnavailableError("the mail backend took no mail")


class _Letter(EmailMultiAlternatives):
    """A composed mail as Django's: in parts for backends that speak to a service, whole for those that write it out."""

    def __init__(self, written: EmailMessage) -> None:
        text, html = (written.get_body((kind,)) for kind in ("plain", "html"))
        own = ("From", "To", "Reply-To", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
        super().__init__(
            subject=str(written["Subject"]),
            body=text.get_content() if text is not None else "",
            from_email=str(written["From"]),
            to=[str(each) for each in written["To"].addresses],
            reply_to=[str(each) for each in written["Reply-To"].addresses] if "Reply-To" in written else [],
            headers={name: str(value) for name, value in written.items() if name not in own},
        )
        if html is not None:
            self.attach_alternative(html.get_content(), "text/html")
        self._written = BytesParser(_Whole, policy=SMTP).parsebytes(written.as_bytes(policy=SMTP))

    # Django would write it anew, by rules that change from one version to the next: folded links are among them.
    def message(self, **_: Any) -> EmailMessage:
        """Return the mail as it was composed."""
        return self._written


class _Whole(EmailMessage):
    """A mail that is written out with the line ends of SMTP, whoever asks: Django 5.2 names them itself."""

    def as_bytes(self, unixfrom: bool = False, policy: Policy | None = None, **_: object) -> bytes:  # noqa: FBT001, FBT002
        """Return the mail as it goes over the wire."""
        return super().as_bytes(unixfrom, policy or SMTP)
