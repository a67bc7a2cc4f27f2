"""A mailer that keeps what it sends, so that a test reads the link where the customer does: in the mail.

What it keeps has been turned into bytes and parsed again, as on the way through a mail server. Nothing is sent from
here, and nothing of `magiclink.web` is imported.
"""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True, repr=False)
class Received:
    """One mail, as the mail server would see it."""

    message: EmailMessage

    def __repr__(self) -> str:
        return f"<Received {_URL.sub('hidden', self.subject)!r}>"

    @property
    def to(self) -> str:
        """Every address it goes to, with commas between several."""
        fields = [field for name in ("To", "Cc", "Bcc") for field in self.message.get_all(name, [])]
        return ", ".join(address.addr_spec for field in fields for address in field.addresses)

    @property
    def subject(self) -> str:
        """What the list of mails shows."""
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        """The text part; empty where there is none."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part; empty where there is none."""
        return self._part("html")

    @property
    def url(self) -> str:
        """The link: the one line of the text part that is a URL. Raises AssertionError unless there is exactly one."""
        found = [line for line in self.text.splitlines() if _URL.fullmatch(line)]
        if len(found) != 1:
            raise AssertionError(f"a mail with one link was expected, this one has {len(found)}")
        return found[0]

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else "\n".join(part.get_content().splitlines())


class Outbox:
    """The mailer of the code under test; `outbox.last.url` is the link of the newest mail."""

    def __init__(self) -> None:
        self.messages: list[Received] = []

    def __len__(self) -> int:
        return len(self.messages)

    def __repr__(self) -> str:
        return f"<Outbox {self.messages}>"

    @property
    def last(self) -> Received:
        """The newest mail. Raises AssertionError where none was sent."""
        if not self.messages:
            raise AssertionError("a mail was expected, none was sent")
        return self.messages[-1]

    def send(self, message: EmailMessage) -> None:
        """Remember a mail."""
        self.messages.append(Received(message_from_bytes(message.as_bytes(policy=SMTP), policy=SMTP)))

    def clear(self) -> None:
        """Forget every mail."""
        self.messages.clear()
