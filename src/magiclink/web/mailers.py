"""Mailers: a mail server, or a folder. Either the mail was taken, whole and for every recipient, or the call raises.

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
    """Sends mails, by whatever way the app has."""

    def send(self, message: EmailMessage) -> None:
        """Send a mail to every recipient that it names. Raises UnavailableError where that fails, in part too."""


class Security(StrEnum):
    """How the connection to the mail server is protected; with TLS its certificate and host name are verified."""

    STARTTLS = "starttls"
    """A plain connection (port 587) that must turn to TLS before anything is sent."""
    TLS = "tls"
    """TLS from the first byte (port 465; RFC 8314 prefers it)."""
    NONE = "none"
    """Clear text (port 25), to the same machine only."""


_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


class SMTPMailer:
    """Sends mails by a mail server, each over a new connection: any thread may send.

    Another machine is reached by STARTTLS, or by TLS; this machine in clear text, unless `security` says otherwise.
    `timeout` is for each answer of the server. `context` is for a certificate authority of your own.

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
            given, missing = ("username", "password") if password is None else ("password", "username")
            raise ConfigurationError(f"{given} without {missing}: write both, or neither")
        _check_connection(host, port, timeout)
        self.host: str = host
        self.security: Security = _choose_security(security, host)
        self.port: int = _PORTS[self.security] if port is None else port
        self._username, self._password, self._timeout = username, password, timeout.total_seconds()
        self._context = ssl.create_default_context() if context is None else context
        # Python checks no host name without a verified certificate: this one flag stands for both.
        if not self._context.check_hostname:
            raise ConfigurationError("context: it doesn't verify servers; write ssl.create_default_context(cafile=…)")

    def __repr__(self) -> str:
        login = "hidden" if self._username is not None else "none"
        return f"<SMTPMailer {self.host}:{self.port} security={self.security} login={login}>"

    def send(self, message: EmailMessage) -> None:
        """Send a mail. Raises UnavailableError where the server didn't take it for every recipient."""
        server_name = f"the mail server {self.host}, port {self.port},"
        try:
            with closing(self._connect()) as server:
                if self.security is Security.STARTTLS:
                    # Raises where none is offered, or where someone on the way has hidden the offer (CVE-2026-7666).
                    server.starttls(context=self._context)
                if self._username is not None and self._password is not None:
                    server.login(self._username, self._password)
                refused = server.send_message(message)
                # The mail has been taken: an error now must not have it sent twice.
                with suppress(OSError):
                    server.quit()
        except (OSError, ValueError) as error:
            # The server's words may hold the address, and Python's the password: neither is passed on.
            code = f", {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
            raise UnavailableError(f"{server_name} did not take the mail ({type(error).__name__}{code})") from None
        if refused:
            raise UnavailableError(f"{server_name} refused some of the recipients")

    def _connect(self) -> smtplib.SMTP:
        if self.security is Security.TLS:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self._timeout, context=self._context)
        return smtplib.SMTP(self.host, self.port, timeout=self._timeout)


def _check_connection(host: object, port: object, timeout: object) -> None:
    if not isinstance(host, str) or not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        # What was given isn't repeated: a URL may hold a password.
        raise ConfigurationError("host: wanted a host name or an IP address alone, without a scheme, a port or a login")
    if port is not None and not (isinstance(port, int) and 0 < port < 65_536):
        raise ConfigurationError(f"port: wanted an int from 1 to 65535, got {port!r}")
    if not isinstance(timeout, timedelta) or timeout <= timedelta(0):
        raise ConfigurationError(f"timeout: wanted a timedelta above 0, such as timedelta(seconds=10), got {timeout!r}")


def _choose_security(security: Security | None, host: str) -> Security:
    if security is None:
        return Security.NONE if _is_this_machine(host) else Security.STARTTLS
    # By membership: a plain "none" equals the member, so it must meet the same refusal.
    if security not in _PORTS:
        names = ", ".join(Security.__members__)
        raise ConfigurationError(f"security: wanted one of {names}, as Security.TLS, got {security!r}")
    if security == Security.NONE and not _is_this_machine(host):
        raise ConfigurationError(f"security: {host} is another machine: write Security.STARTTLS or Security.TLS")
    return Security(security)


def _is_this_machine(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    # Pythons differ on whether `::ffff:127.0.0.1` is loopback: the stricter answer holds for all.
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None


class FolderMailer:
    """Writes each mail into a folder, as an `.eml` file that only its owner may read: for development, and as a spool.

    A file is there whole or not at all. `clock` gives the files their names, which sort by arrival.

    Raises ConfigurationError where the folder is missing.
    """

    __slots__ = ("_clock", "_numbers", "path")

    def __init__(self, path: str | os.PathLike[str], *, clock: Clock = SystemClock()) -> None:  # noqa: B008
        self.path: Path = Path(path)
        if not self.path.is_dir():
            raise ConfigurationError(f"path: there is no folder {str(self.path)!r} for mails; make it first")
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
            name = type(error).__name__
            raise UnavailableError(f"the mail could not be written to {str(self.path)!r} ({name})") from None

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
