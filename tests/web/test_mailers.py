"""The ways out for a mail, against a real SMTP server and a real folder."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from magiclink.errors import ClockError, ConfigurationError, UnavailableError
from magiclink.instants import to_micros
from magiclink.testing.clock import FrozenClock
from magiclink.values import Link
from magiclink.web import FolderMailer, Security, SMTPMailer, compose

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "AQ" + "t0ken_-x" * 7 + "zz"
TO = "ap@acme.example"
PASSWORD = "correct horse battery"


def mail() -> EmailMessage:
    """Return a mail with a link, as an app sends it."""
    link = Link(
        base_url="https://billing.example/l/",
        token=TOKEN,
        link_id="6a" * 20,
        purpose="invoice",
        resource=None,
        expires_at=to_micros(datetime(2026, 12, 4, tzinfo=UTC)),
    )
    return compose(link, to=TO, about="Invoice 1001")


class Server:
    """What a mail server has heard, and how it answers."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.heard: list[str] = []
        self.recipient_answer = "250 OK"
        self.data_answer = "250 OK"
        self.farewell = "221 Bye"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Note that someone began to send."""
        self.heard.append("clear" if server.transport.get_extra_info("sslcontext") is None else "tls")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Take a recipient, or refuse the one that is named `ap`."""
        if address == TO and self.recipient_answer != "250 OK":
            return f"{self.recipient_answer} {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take the mail."""
        if self.data_answer == "250 OK":
            parsed = message_from_bytes(envelope.content, policy=SMTP)
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, parsed))
        return self.data_answer

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Say goodbye, or hang up."""
        if not self.farewell:
            server.transport.abort()
        return self.farewell


Start = Callable[..., tuple[Server, int]]


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start() -> Iterator[Start]:
    """Start mail servers that stop with the test."""
    running: list[Controller] = []

    def one(**options: Any) -> tuple[Server, int]:
        server, port = Server(), free_port()
        controller = Controller(server, hostname="127.0.0.1", port=port, **options)
        running.append(controller)
        controller.start()
        return server, port

    yield one
    for controller in running:
        controller.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def serving(certificate: Path) -> ssl.SSLContext:
    """Return the server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    """Return a client's side that trusts the certificate, as one does with an authority of one's own."""
    return ssl.create_default_context(cafile=str(certificate))


def refused(mailer: SMTPMailer | FolderMailer) -> str:
    """Send a mail that can't be sent, and return the kind of the failure; the error names the server or the folder."""
    with pytest.raises(UnavailableError) as error:
        mailer.send(mail())
    logged = "".join(traceback.format_exception(error.value))
    assert not any(secret in logged for secret in (TO, TOKEN, PASSWORD, "billing@acme.example"))
    message, _, kind = str(error.value).partition(" (")
    if isinstance(mailer, SMTPMailer):
        assert message == f"the mail server {mailer.host}, port {mailer.port}, did not take the mail"
    else:
        assert message == f"the mail could not be written to '{mailer.path}'"
    return kind.removesuffix(")")


def test_mail_changed_on_the_way(start: Start) -> None:
    """J31: the mail that the server gets is the mail that was sent, to its one recipient, with the link whole."""
    server, port = start()
    SMTPMailer("127.0.0.1", port=port).send(mail())
    [(sender, recipients, received)] = server.mails
    assert (sender, recipients) == ("no-reply@billing.example", [TO])
    assert received["Subject"] == "Invoice 1001"
    body = received.get_body(("plain",))
    assert body is not None
    assert f"https://billing.example/l/{TOKEN}" in body.get_content().splitlines()
    assert server.heard == ["clear"]


@pytest.mark.parametrize("login", [{}, {"username": "billing@acme.example", "password": PASSWORD}], ids=["", "login"])
def test_server_without_starttls(start: Start, login: dict[str, Any]) -> None:
    """J29: a server that doesn't offer STARTTLS, or whose offer was hidden, gets nothing: no fallback to clear text."""
    server, port = start()
    assert refused(SMTPMailer("127.0.0.1", port=port, security=Security.STARTTLS, **login)) == "SMTPNotSupportedError"
    assert server.heard == []


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_certificate_that_nobody_trusts(start: Start, serving: ssl.SSLContext, security: Security) -> None:
    """J29: a handshake that fails ends the call, and nothing was sent in clear text or otherwise."""
    server, port = start(**tls_options(security, serving))
    assert refused(SMTPMailer("127.0.0.1", port=port, security=security)) == "SSLCertVerificationError"
    assert server.heard == []


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_certificate_of_another_host(
    start: Start, serving: ssl.SSLContext, trusting: ssl.SSLContext, security: Security
) -> None:
    """J29: a trusted certificate for another name is refused as well."""
    server, port = start(**tls_options(security, serving))
    assert (
        refused(SMTPMailer("localhost", port=port, security=security, context=trusting)) == "SSLCertVerificationError"
    )
    assert server.heard == []


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_certificate_that_is_trusted(
    start: Start, serving: ssl.SSLContext, trusting: ssl.SSLContext, security: Security
) -> None:
    """A certificate of one's own authority delivers, and the mail goes through TLS."""
    server, port = start(**tls_options(security, serving))
    SMTPMailer("127.0.0.1", port=port, security=security, context=trusting).send(mail())
    assert len(server.mails) == 1
    assert server.heard == ["tls"]


def test_handshake_with_a_server_that_speaks_none(start: Start) -> None:
    """J29: TLS spoken to a server that answers in clear text fails, and nothing is sent."""
    server, port = start()
    assert refused(SMTPMailer("127.0.0.1", port=port, security=Security.TLS))
    assert server.heard == []


def tls_options(security: Security, serving: ssl.SSLContext) -> dict[str, Any]:
    """Say in aiosmtpd's words how its server is protected."""
    return {"ssl_context": serving} if security is Security.TLS else {"tls_context": serving}


def authenticator(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    """Let in who knows the password."""
    known = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=known, handled=False)


@pytest.mark.parametrize(
    ("password", "kind"),
    [(PASSWORD, ""), ("wrong", "SMTPAuthenticationError, 535"), ("pässword", "UnicodeEncodeError")],
)
def test_login(start: Start, serving: ssl.SSLContext, trusting: ssl.SSLContext, password: str, kind: str) -> None:
    """M07: a login that is refused, or can't be written, is an error without the name, the password or the link."""
    server, port = start(tls_context=serving, authenticator=authenticator, auth_required=True)
    mailer = SMTPMailer(
        "127.0.0.1",
        port=port,
        security=Security.STARTTLS,
        username="billing@acme.example",
        password=password,
        context=trusting,
    )
    if kind:
        assert refused(mailer) == kind
        assert server.heard == []
    else:
        mailer.send(mail())
        assert server.heard == ["tls"]


def test_login_where_there_is_none(start: Start) -> None:
    """A login that the server doesn't know fails; the mail isn't sent without it."""
    server, port = start()
    refused(SMTPMailer("127.0.0.1", port=port, username="u", password=PASSWORD))
    assert server.mails == []


def test_refused_recipient(start: Start) -> None:
    """J01, M06, M07: a recipient whom the server refuses is an error that holds neither address nor link."""
    server, port = start()
    server.recipient_answer = "550 no such customer \x1b[31m"
    assert refused(SMTPMailer("127.0.0.1", port=port)) == "SMTPRecipientsRefused"


def test_one_of_two_recipients_refused(start: Start) -> None:
    """A mail of the app's own that went to a part of its recipients isn't a success."""
    server, port = start()
    server.recipient_answer = "550 no such customer"
    message = mail()
    message["Cc"] = "other@acme.example"
    with pytest.raises(UnavailableError, match=rf"^the mail server 127.0.0.1, port {port}, refused some of"):
        SMTPMailer("127.0.0.1", port=port).send(message)
    assert [recipients for _, recipients, _ in server.mails] == [["other@acme.example"]]


def test_refused_mail(start: Start) -> None:
    """M07: a server that refuses the mail itself is an error that tells its code and not its words."""
    server, port = start()
    server.data_answer = f"552 too large for {TO}"
    assert refused(SMTPMailer("127.0.0.1", port=port)) == "SMTPDataError, 552"


@pytest.mark.parametrize("farewell", ["421 shutting down", ""])
def test_bad_farewell(start: Start, farewell: str) -> None:
    """A server that took the mail and then fails has taken it: an error here would have it sent twice."""
    server, port = start()
    server.farewell = farewell
    SMTPMailer("127.0.0.1", port=port).send(mail())
    assert len(server.mails) == 1


def test_connection_refused(caplog: pytest.LogCaptureFixture) -> None:
    """M07: no server there is an error without the address or the link, and nothing is logged "for convenience"."""
    caplog.set_level("DEBUG")
    assert refused(SMTPMailer("127.0.0.1", port=free_port())) == "ConnectionRefusedError"
    assert caplog.text == ""


def test_server_that_never_answers() -> None:
    """A server that takes the connection and says nothing ends the call after the timeout."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        mailer = SMTPMailer("127.0.0.1", port=silent.getsockname()[1], timeout=timedelta(milliseconds=50))
        began = time.monotonic()
        assert refused(mailer) == "SMTPServerDisconnected"
        assert time.monotonic() - began < 9


@pytest.mark.parametrize(
    ("host", "security", "port"),
    [
        ("localhost", Security.NONE, 25),
        ("LocalHost", Security.NONE, 25),
        ("127.0.0.1", Security.NONE, 25),
        ("127.8.9.1", Security.NONE, 25),
        ("::1", Security.NONE, 25),
        ("smtp.example", Security.STARTTLS, 587),
        ("10.0.0.5", Security.STARTTLS, 587),
        ("localhost.example", Security.STARTTLS, 587),
        ("::ffff:127.0.0.1", Security.STARTTLS, 587),
        ("::ffff:7f00:1", Security.STARTTLS, 587),
    ],
)
def test_security_left_out(host: str, security: Security, port: int) -> None:
    """Only this machine gets mails in clear text by default; ::ffff:127.0.0.1 is another, on every Python alike."""
    mailer = SMTPMailer(host)
    assert (mailer.security, mailer.port) == (security, port)


def test_security_chosen() -> None:
    """A choice is kept, and brings its port unless one is given."""
    assert SMTPMailer("smtp.example", security=Security.TLS).port == 465
    assert SMTPMailer("localhost", security=Security.STARTTLS).port == 587
    assert SMTPMailer("smtp.example", port=2525).port == 2525


@pytest.mark.parametrize(
    "options",
    [
        {"host": "smtp.example", "security": Security.NONE},
        {"host": "smtp.example", "security": "none"},
        {"host": "10.0.0.5", "security": Security.NONE},
        {"host": "smtp.example", "security": "ssl"},
        {"host": ""},
        {"host": None},
        {"host": "smtp.example\r\nEHLO evil"},
        {"host": "smtp.example", "username": "u"},
        {"host": "smtp.example", "password": PASSWORD},
        {"host": "smtp.example", "timeout": timedelta(0)},
        {"host": "smtp.example", "timeout": 10},
        {"host": "smtp.example", "port": 0},
        {"host": "smtp.example", "port": 65_536},
        {"host": "smtp.example", "port": "587"},
    ],
    ids=str,
)
def test_setting_that_is_not_safe(options: dict[str, Any]) -> None:
    """J29: clear text to another machine, half a login and values that can't work are refused when it is built."""
    with pytest.raises(ConfigurationError) as error:
        SMTPMailer(**options)
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize("hole", ["host", "certificate"])
def test_context_that_verifies_nothing(hole: str) -> None:
    """J29: a context that checks no certificate, or no host name, is refused when the mailer is built."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if hole == "certificate":
        context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ConfigurationError, match="verify"):
        SMTPMailer("smtp.example", context=context)


def test_password_in_a_repr() -> None:
    """M01: neither the password nor the name of the login shows."""
    mailer = SMTPMailer("smtp.example", username="billing@acme.example", password=PASSWORD)
    assert repr(mailer) == "<SMTPMailer smtp.example:587 security=starttls login=hidden>"
    assert repr(SMTPMailer("localhost")) == "<SMTPMailer localhost:25 security=none login=none>"


def test_file_that_others_may_read(tmp_path: Path) -> None:
    """A mail in the folder is whole, is read by its owner alone, and its name tells no address."""
    FolderMailer(tmp_path).send(mail())
    [path] = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    received = message_from_bytes(path.read_bytes(), policy=SMTP)
    assert received["To"] == TO
    assert f"https://billing.example/l/{TOKEN}\r\n".encode() in path.read_bytes()
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-\d{6}-[0-9a-f]{16}\.eml", path.name)


def test_names_out_of_order(tmp_path: Path) -> None:
    """Names sort by arrival, within one instant too."""
    clock = FrozenClock()
    mailer = FolderMailer(str(tmp_path), clock=clock)
    for number in range(12):
        message = EmailMessage()
        message["Subject"] = str(number)
        mailer.send(message)
        if number == 10:
            clock.tick(timedelta(microseconds=1))
    read = [message_from_bytes(path.read_bytes(), policy=SMTP)["Subject"] for path in sorted(tmp_path.iterdir())]
    assert read == [str(number) for number in range(12)]


SEND_TEN = """
import sys
from email.message import EmailMessage
from magiclink.testing.clock import FrozenClock
from magiclink.web import FolderMailer
mailer = FolderMailer(sys.argv[1], clock=FrozenClock())
for _ in range(10):
    mailer.send(EmailMessage())
"""


def test_two_processes_with_one_name(tmp_path: Path) -> None:
    """Processes that send at the same instant overwrite nothing."""
    running = [subprocess.Popen([sys.executable, "-c", SEND_TEN, str(tmp_path)]) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert len(list(tmp_path.glob("*.eml"))) == 20


def test_missing_folder(tmp_path: Path) -> None:
    """E11: a folder that isn't there, or is a file, is found when the mailer is built."""
    (tmp_path / "file").touch()
    for path in ("nowhere", "file"):
        with pytest.raises(ConfigurationError):
            FolderMailer(tmp_path / path)


def test_folder_gone_later(tmp_path: Path) -> None:
    """E09, M07: a folder that can't be written to any more is an error without address or link."""
    folder = tmp_path / "mails"
    folder.mkdir()
    mailer = FolderMailer(folder)
    folder.rmdir()
    assert refused(mailer) == "FileNotFoundError"


@pytest.fixture
def little_room() -> Iterator[None]:
    """Let this process write no file past 1,000 bytes: as good as a full disk."""
    resource = pytest.importorskip("resource", reason="no limits on the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("little_room")
def test_half_a_file(tmp_path: Path) -> None:
    """E10: a mail that can't be written whole leaves nothing behind, not even under another name."""
    assert refused(FolderMailer(tmp_path)) == "OSError"
    assert list(tmp_path.iterdir()) == []


def test_message_that_has_no_bytes(tmp_path: Path) -> None:
    """A message of the app's own that can't be written as bytes is an error of the library's, and leaves no file."""
    message = EmailMessage()
    message.set_payload("\ud800")
    with pytest.raises(UnavailableError):
        FolderMailer(tmp_path).send(message)
    assert list(tmp_path.iterdir()) == []


def test_folder_with_a_foreign_clock(tmp_path: Path) -> None:
    """D10: a clock that can't be believed names no file."""

    class Naive:
        def now(self) -> datetime:
            return datetime(2026, 1, 5)  # noqa: DTZ001

    with pytest.raises(ClockError):
        FolderMailer(tmp_path, clock=Naive()).send(mail())


def test_folder_in_a_repr(tmp_path: Path) -> None:
    """Its repr names the folder, so that one finds the mails."""
    assert repr(FolderMailer(tmp_path)) == f"<FolderMailer {str(tmp_path)!r}>"
