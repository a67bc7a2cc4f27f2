"""The ways out for a mail: a mail server, or a folder. Either it was taken, whole and for everyone, or the call raises.

What may not happen here: a mail in clear text over a network, a fallback to it, a certificate that isn't verified, and
an address, a link or a password in an error, a repr or a log.
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
from contextlib import closing, suppress
from datetime import timedelta
from email.policy import SMTP
from enum import StrEnum
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Protocol

from ..clock import SystemClock, read
from ..errors import ConfigurationError, UnavailableError
from ..instants import to_datetime

if TYPE_CHECKING:
    from email.message import EmailMessage

    from ..clock import Clock


class Mailer(Protocol):
    """Anything that takes a mail."""

    def send(self, message: EmailMessage) -> None:
        """Hand it on, for every recipient it names; UnavailableError where that fails, in part too."""
        ...


class Security(StrEnum):
    """How the way to the mail server is protected; its certificate and host name are verified in both that are."""

    STARTTLS = "starttls"
    """A plain connection (port 587) that must turn to TLS before anything is said."""
    TLS = "tls"
    """TLS from the first byte (port 465; RFC 8314 prefers it)."""
    NONE = "none"
    """Clear text (port 25), to the same machine only."""


_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


class SMTPMailer:
    """Hands mails to a mail server, over a connection of its own for each: any thread may send.

    A host other than this machine is spoken to through STARTTLS, or TLS; this machine in clear text, unless `security`
    says otherwise. `timeout` is for each answer of the server. `context` is for a certificate authority of one's own.

    Raises ConfigurationError for clear text to another machine, a context that verifies nothing, half a login.
    Sources: RFC 3207 (6), RFC 8314 (3).
    """

    __slots__ = ("_context", "_password", "_timeout", "_username", "host", "port", "security")

    def __init__(
        self,
        host: str,
        *,
        port: int | None = None,
        security: Security | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout: timedelta = timedelta(seconds=10),
        context: ssl.SSLContext | None = None,
    ) -> None:
        if (username is None) != (password is None):
            raise ConfigurationError("a user name and a password go together")
        self.host: str = _host(host)
        self.security: Security = _chosen(security, host)
        self.port: int = _port(_PORTS[self.security] if port is None else port)
        self._username, self._password = username, password
        self._timeout = _seconds(timeout)
        self._context = _verifying(context)

    def __repr__(self) -> str:
        login = "hidden" if self._username is not None else "none"
        return f"<SMTPMailer {self.host}:{self.port} security={self.security} login={login}>"

    def send(self, message: EmailMessage) -> None:
        """Hand a mail to the server. Raises UnavailableError where it wasn't taken for every recipient."""
        try:
            with closing(self._connect()) as server:
                refused = self._hand_over(server, message)
                # It has been taken: a bad farewell must not have it sent twice.
                with suppress(OSError):
                    server.quit()
        except (OSError, ValueError) as error:
            # What the server said may hold the address, and what Python says the password: neither is passed on.
            raise UnavailableError(f"the mail server did not take the mail ({_kind(error)})") from None
        if refused:
            raise UnavailableError("the mail server refused some of the recipients")

    def _connect(self) -> smtplib.SMTP:
        if self.security is Security.TLS:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self._timeout, context=self._context)
        return smtplib.SMTP(self.host, self.port, timeout=self._timeout)

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        if self.security is Security.STARTTLS:
            # Raises where the server offers none, or where someone on the way has hidden the offer (CVE-2026-7666).
            server.starttls(context=self._context)
        if self._username is not None and self._password is not None:
            server.login(self._username, self._password)
        return server.send_message(message)


def _host(host: object) -> str:
    if not isinstance(host, str) or not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        raise ConfigurationError("the mail server is named by a host name or an IP address")
    return host


def _port(port: object) -> int:
    if not isinstance(port, int) or not 0 < port < 65_536:
        raise ConfigurationError("the port must be a number from 1 to 65535")
    return port


def _seconds(timeout: object) -> float:
    if not isinstance(timeout, timedelta) or timeout <= timedelta(0):
        raise ConfigurationError("the timeout must be a timedelta longer than nothing")
    return timeout.total_seconds()


def _chosen(security: Security | None, host: str) -> Security:
    if security is None:
        return Security.NONE if _is_this_machine(host) else Security.STARTTLS
    # By membership: a plain "none" equals the member, so it must meet the same refusal.
    if security not in _PORTS:
        raise ConfigurationError("security must be one of Security")
    if security == Security.NONE and not _is_this_machine(host):
        raise ConfigurationError("mails with links go to another machine by STARTTLS or TLS, never in clear text")
    return Security(security)


def _is_this_machine(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    # Since Python 3.13 ::ffff:127.0.0.1 is called loopback; programs differ in where they connect for it.
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None


def _verifying(context: ssl.SSLContext | None) -> ssl.SSLContext:
    if context is None:
        return ssl.create_default_context()
    # Python checks no host name without a verified certificate: this one flag tells of both.
    if not context.check_hostname:
        raise ConfigurationError("the TLS context must verify the server's certificate and its host name")
    return context


def _kind(error: Exception) -> str:
    name = type(error).__name__
    return f"{name}, {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else name


class FolderMailer:
    """Keeps each mail as an `.eml` file that only its owner may read: for development, and as a spool.

    A file is there whole or not at all, and names sort by arrival. `clock` names the files.

    Raises ConfigurationError where the folder is missing.
    """

    __slots__ = ("_clock", "_numbers", "path")

    def __init__(self, path: str | os.PathLike[str], *, clock: Clock = SystemClock()) -> None:  # noqa: B008
        self.path: Path = Path(path)
        if not self.path.is_dir():
            raise ConfigurationError("the folder for mails does not exist")
        self._clock = clock
        self._numbers = count()

    def __repr__(self) -> str:
        return f"<FolderMailer {str(self.path)!r}>"

    def send(self, message: EmailMessage) -> None:
        """Write a mail. Raises UnavailableError where it can't be written, ClockError."""
        arrival = to_datetime(read(self._clock))
        # The number orders what one process sends in one instant; the random part keeps processes apart.
        name = f"{arrival:%Y%m%dT%H%M%S.%fZ}-{next(self._numbers):06d}-{token_hex(8)}.eml"
        try:
            self._write(name, message.as_bytes(policy=SMTP))
        except (OSError, ValueError) as error:
            raise UnavailableError(f"the mail could not be written ({type(error).__name__})") from None

    def _write(self, name: str, body: bytes) -> None:
        # A temporary file is readable by its owner alone (0600), and the leading dot keeps it out of `*.eml`.
        with NamedTemporaryFile(dir=self.path, prefix=".", suffix=".part", delete=False) as part:
            try:
                part.write(body)
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(self.path / name)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
