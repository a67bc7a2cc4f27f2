"""The demonstration's mailbox: Django's mails go into a folder, and nothing leaves this machine."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

from ..story.props import Mails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.mail import EmailMessage


@cache
def mails() -> Mails:
    """Return the mailbox of this process; its counter keeps mails of one instant in order."""
    return Mails(settings.FOLDER / "mails", settings.CLOCK)


class OutboxBackend(BaseEmailBackend):
    """A mail backend that writes into the mailbox."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep mails."""
        for each in email_messages:
            mails().send(each.message())
        return len(email_messages)
