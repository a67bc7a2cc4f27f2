"""The mail that carries a link: who gets it, what it says, and that the link arrives whole."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.policy import SMTP
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import magiclink.web
from magiclink.clock import SystemClock
from magiclink.errors import BadArgumentError, ClockError
from magiclink.instants import to_micros
from magiclink.policy import Opens
from magiclink.testing.clock import FrozenClock
from magiclink.values import Link
from magiclink.web import Language, compose
from magiclink.web.mail import disarm
from tests.web.conftest import MARKED, unmarked

if TYPE_CHECKING:
    from email.message import EmailMessage

ENDS = datetime(2026, 12, 4, 9, 25, 26, tzinfo=UTC)
TOKEN = "AQ" + "t0ken_-x" * 7 + "zz"
URL = f"https://billing.example/l/{TOKEN}"
TO = "ap@acme.example"


def link(base_url: str = "https://billing.example/l/", expires_at: datetime = ENDS) -> Link:
    """Return a link as the core makes it."""
    return Link(
        base_url=base_url,
        token=TOKEN,
        link_id="6a" * 20,
        purpose="invoice",
        resource="invoice:1001",
        expires_at=to_micros(expires_at),
    )


def arrived(message: EmailMessage) -> EmailMessage:
    """Return the mail as the reader's program parses it from the bytes of the wire."""
    return message_from_bytes(message.as_bytes(policy=SMTP), policy=SMTP)


def part(message: EmailMessage, kind: str) -> str:
    """Return the decoded text of one part."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


class Page(HTMLParser):
    """What an HTML part holds: its tags, what they lead to or load, and the text that shows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.hrefs: list[str | None] = []
        self.loaded: list[str | None] = []
        self.shown = ""
        self.feed(html.partition("</head>")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.hrefs += [value for name, value in attrs if name == "href"]
        self.loaded += [value for name, value in attrs if name in {"src", "srcset", "background", "action"}]

    def handle_data(self, data: str) -> None:
        """Note what shows."""
        self.shown += data


BAD_ADDRESSES = {
    "J01": "victim@x.com,attacker@evil.com",
    "J02-semicolon": "victim@x.com;attacker@evil.com",
    "J02-space": "victim@x.com attacker@evil.com",
    "J05-named": "attacker@evil.com <victim@x.com>",
    "J05-brackets": "victim@x.com>, <attacker@evil.com",
    "J06": '"attacker@evil.com"@x.com',
    "J07-wide": "victim＠evil.com@x.com",
    "J07-small": "victim﹫x.com",
    "J09-crlf": "victim@x.com\r\nBcc: attacker@evil.com",
    "J09-lf": "victim@x.com\nBcc: attacker@evil.com",
    "J09-encoded": "victim@x.com%0aBcc:attacker@evil.com",
    "J09-separator": "victim@x.com\u2028Bcc: attacker@evil.com",
    "J09-nel": "victim@x.com\u0085Bcc: attacker@evil.com",
    "J10-nul": "victim@x.com\0",
    "J10-override": "victim\u202e@x.com",
    "J11": "a@b@c.com",
    "J12": "(comment)victim@x.com",
    "encoded-word": "=?utf-8?q?=41=40evil.com=2C?=foo@x.com",
    "M06": "victim@x.com\x1b[2J",
}


@pytest.mark.parametrize("to", BAD_ADDRESSES.values(), ids=BAD_ADDRESSES.keys())
def test_address_that_is_not_one(to: str) -> None:
    """J01, J02, J05, J06, J07, J09, J10, J11, J12, M06: refused, and the error doesn't repeat it."""
    for which in ("to", "sender", "reply_to"):
        if which != "to" and to == BAD_ADDRESSES["J05-named"]:
            continue
        addresses = {"to": TO} | {which: to}
        with pytest.raises(BadArgumentError) as refused:
            compose(link(), about="Invoice 1001", **addresses)  # type: ignore[arg-type]
        assert "victim" not in str(refused.value)
        assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("to", [None, 5, True, {"a": 1}, [TO]])
def test_address_of_another_type(to: object) -> None:
    """J04: whatever isn't text is refused, typed, as a recipient and as a sender."""
    with pytest.raises(BadArgumentError):
        compose(link(), to=to, about="Invoice 1001")  # type: ignore[arg-type]
    if to is not None:
        with pytest.raises(BadArgumentError):
            compose(link(), to=TO, about="Invoice 1001", sender=to)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "to",
    [
        TO,
        "AP.Office@acme.example",
        "o'neil+x=y@x.example",
        "a?=b{c}|d@x.example",
        "x" * 64 + "@" + "y" * 60 + ".example",
    ],
)
def test_recipient_changed_on_the_way(to: str) -> None:
    """Any address that is one arrives as exactly that one recipient."""
    mail = arrived(compose(link(), to=to, about="Invoice 1001"))
    assert [address.addr_spec for address in mail["To"].addresses] == [to]
    assert mail["Cc"] is None
    assert mail["Bcc"] is None


def test_recipient_with_a_domain_of_other_letters() -> None:
    """J20: the recipient's domain goes onto the wire as its A-label."""
    assert compose(link(), to="ap@bücher.example", about="x")["To"].addresses[0].domain == "xn--bcher-kva.example"


HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
}


@given(about=st.text(min_size=1), opens=st.sampled_from(Opens))
def test_about_that_writes_headers(about: str, opens: Opens) -> None:
    """J30: whatever `about` holds, the mail has its own headers, one recipient, and the link whole in both parts."""
    try:
        shown = disarm(about)
    except BadArgumentError:
        assert not any(each.isprintable() and each != " " for each in about) or ":/" in about or "\\\\" in about
        return
    mail = arrived(compose(link(), to=TO, about=about, opens=opens))
    assert set(mail.keys()) == HEADERS
    assert len(mail.keys()) == len(HEADERS)
    assert str(mail["To"]) == TO
    assert " ".join(str(mail["Subject"]).split()).endswith(shown)
    assert part(mail, "plain").splitlines().count(URL) == 1
    assert Page(part(mail, "html")).hrefs == [URL]
    assert not mail.defects


# What mail clients look for when they make links, written without a look at how they are broken.
LINKS = re.compile(
    r"[a-z]+://|\b(?:mailto|tel|sms|javascript|data|file):\S|\S[@＠﹫]\S|[^\W_]\.[^\W\d_]{2}|\d+\.\d+\.\d+\.\d+|www\.\w|=\?|\\\\\S",
    re.IGNORECASE,
)


NAMES = ["acme", "com", "https", "mailto", "www", "7", "127.0.0.1", "é"]
MARKS = [".", ".", ":", "/", "//", "@", "@", "=?", "?=", "\\\\", " ", "\n"]


@given(st.lists(st.sampled_from(NAMES + MARKS), min_size=1, max_size=12))
def test_link_inside_about(pieces: list[str]) -> None:
    """J30: nothing that a mail client would make a link of is left in the text, however it is put together."""
    try:
        line = disarm("x" + "".join(pieces))
    except BadArgumentError:
        return
    assert LINKS.search(line) is None, line


@pytest.mark.parametrize(
    ("about", "shown"),
    [
        ("Pay at https://evil.example/pay", "Pay at https evil. example/pay"),
        ("www.evil.com WWW.7evil.com", "www. evil. com WWW. 7evil. com"),
        ("evil。com evil．com evil｡com", "evil。 com evil． com evil｡ com"),
        ("ask a@evil.com or b＠evil", "ask a@ evil. com or b＠ evil"),
        ("mailto:x tel:112", "mailto: x tel: 112"),
        ("10.0.0.1/pay and 192.168.100.200", "10. 0. 0. 1/pay and 192. 168. 100. 200"),
        (r"\\evilhost\share", r"evilhost\share"),
        ("=?utf-8?q?evil=2Ecom?=", "= ?utf-8?q?evil=2Ecom?="),
        ("Rechnung 1.234,50 EUR vom 22.11.2026, 12:30", "Rechnung 1.234,50 EUR vom 22.11.2026, 12:30"),
        ("Invoice\r\nBcc: x\t\x00\x1b[2J 1001\u2028\u202e", "Invoice Bcc: x [2J 1001"),
        ("  two   spaces ", "two spaces"),
        ("{about} {{url}} %(x)s", "{about} {{url}} %(x)s"),
    ],
)
def test_about_as_shown(about: str, shown: str) -> None:
    """J30: links and headers are taken apart, sums, dates and times are not; text, page and subject show the same."""
    assert disarm(about) == shown
    mail = arrived(compose(link(), to=TO, about=about))
    assert mail["Subject"] == shown
    assert f"opens {shown}:" in part(mail, "plain")
    assert f"opens {shown}:" in Page(part(mail, "html")).shown


@pytest.mark.parametrize("about", ["0 0¡𝐀𝐀𝐀𝐀𝐀𝐀𝐀 ¡", "ü" * 30 + ".com " + "é.com " * 20, "Rechnung für März " * 10])
def test_space_lost_in_the_subject(about: str) -> None:
    """J30: the subject keeps its spaces, where `email` itself those between encoded words and joins `evil. com`."""
    mail = arrived(compose(link(), to=TO, about=about, opens=Opens.ACCOUNT))
    assert mail["Subject"] == f"Sign in to {disarm(about)}"


def test_about_with_markup() -> None:
    """J30: markup in `about` shows as it was written and is no markup, in the body and in the title."""
    html = part(arrived(compose(link(), to=TO, about="<script>x()</script> </title><img src=x> \"'&")), "html")
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("</title>") == 1
    assert "<script>x()</script> </title><img src=x> \"'&" in Page(html).shown


@pytest.mark.parametrize("about", ["", " \r\n\t", "\x00\u200b\ud800", "://", 5, ["Invoice"]])
def test_about_that_says_nothing(about: object) -> None:
    """A mail that was to say what its link opens, and can't, isn't written."""
    with pytest.raises(BadArgumentError):
        compose(link(), to=TO, about=about)  # type: ignore[arg-type]


def test_about_too_long() -> None:
    """A long `about` is cut at 200 characters and says so; one of 200 is left whole."""
    assert disarm("x" * 200) == "x" * 200
    assert disarm("x" * 201) == "x" * 199 + "…"
    assert disarm("ab " * 1_000_000) == ("ab " * 66) + "a…"
    assert disarm("a." * 150).endswith("…")
    assert len(disarm("a.b" * 250)) <= 200


def test_lone_surrogate() -> None:
    """A22: text that no charset can hold is shown without what can't be held."""
    assert disarm("Invoice \ud800 1001") == "Invoice 1001"


@pytest.mark.parametrize(
    ("about", "path", "cte"),
    [
        ("Invoice 1001", "/l/", "7bit"),
        ("Invoice 1001", "/" + "long/" * 60 + "l/", "7bit"),
        ("Rechnung für März", "/" + "long/" * 60 + "l/", "base64"),
        ("Invoice 1001", "/" + "long/" * 220 + "l/", "base64"),
    ],
    ids=["short", "past-76-columns", "other-letters", "past-998-octets"],
)
def test_link_folded(about: str, path: str, cte: str) -> None:
    """J31: the link survives the wire whole in both parts, on a line of its own, and no line is longer than allowed."""
    long = link(base_url="https://billing.example" + path)
    wire = compose(long, to=TO, about=about).as_bytes(policy=SMTP)
    mail = message_from_bytes(wire, policy=SMTP)
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert body["Content-Transfer-Encoding"] == cte
        assert sum(long.url == line for line in part(mail, kind).splitlines()) == 1
    assert Page(part(mail, "html")).hrefs == [long.url]
    assert wire.isascii()
    assert max(map(len, wire.split(b"\r\n"))) <= 998


def test_something_loaded_from_elsewhere() -> None:
    """The page loads nothing, runs nothing, and leads to the link alone, which also shows once as text."""
    html = part(arrived(compose(link(), to=TO, about="Invoice 1001")), "html")
    page = Page(html)
    assert page.loaded == []
    assert set(page.tags) == {"body", "div", "p", "a"}
    assert page.hrefs == [URL]
    assert page.shown.count(URL) == 1
    assert "url(" not in html
    assert html.count("http") == 2


def test_ampersand_in_the_link() -> None:
    """J31: a link that holds markup's own characters comes out of the page as it went in."""
    odd = link(base_url="https://billing.example/l&amp='<x>/")
    page = Page(part(arrived(compose(odd, to=TO, about="x")), "html"))
    assert page.hrefs == [odd.url]
    assert odd.url in page.shown


def test_document_words() -> None:
    """S1, S2, S5: the mail for a document says what opens, until when, that no login is needed, and how to go on."""
    message = compose(link(), to=TO, about="Invoice 1001")
    assert message["Subject"] == "Invoice 1001"
    assert part(arrived(message), "plain") == (
        "Hello, this link opens Invoice 1001:\n\n"
        f"{URL}\n\n"
        "The link works until Friday, 4 December 2026 (09:25:26 UTC). You need no account and no password.\n\n"
        "After that, open it anyway: the page shows you how to get a new link.\n\n"
        "Anyone who has this link can open the same page, so forward it with care.\n\n"
        "If you did not expect this email, you can ignore it.\n"
    )


def test_account_words() -> None:
    """The mail that signs in says so, and asks not to be forwarded."""
    message = compose(link(), to=TO, about="Acme Billing", opens=Opens.ACCOUNT)
    assert message["Subject"] == "Sign in to Acme Billing"
    text = part(arrived(message), "plain")
    assert text.startswith("Hello, this link signs you in to Acme Billing:\n")
    assert "You need no password." in text
    assert "do not forward it" in text
    assert "no account" not in text
    assert ">Sign in</a>" in part(message, "html")


def test_about_that_nobody_gave() -> None:
    """Where the app says nothing of what a link opens, the mail has whole sentences for that."""
    shown_texts = {opens: compose(link(), to=TO, about=None, opens=opens) for opens in Opens}
    assert shown_texts[Opens.RESOURCE]["Subject"] == "Your document"
    assert shown_texts[Opens.ACCOUNT]["Subject"] == "Sign in to your account"
    assert part(shown_texts[Opens.RESOURCE], "plain").startswith("Hello, this link opens the document:\n")
    assert part(shown_texts[Opens.ACCOUNT], "plain").startswith("Hello, this link signs you in to your account:\n")


def test_language_of_the_mail() -> None:
    """The HTML part says which language it is in, and takes its direction from its words."""
    html = part(compose(link(), to=TO, about="Rechnung 1001", language=Language("de-AT")), "html")
    assert '<html lang="de-AT">' in html
    assert '<body dir="auto"' in html


def test_parts_that_say_different_things() -> None:
    """Both parts say the same sentences."""
    mail = arrived(compose(link(), to=TO, about="Invoice 1001"))
    shown = Page(part(mail, "html")).shown
    assert all(line in shown for line in part(mail, "plain").splitlines())


@pytest.mark.parametrize("opens", Opens)
@pytest.mark.parametrize("about", ["Invoice 1001", None])
def test_words_that_bypass_the_translation(opens: Opens, about: str | None) -> None:
    """Every sentence and every name in the date is in the language, whole; what the app says stays as it is."""
    mail = arrived(compose(link(), to=TO, about=about, opens=opens, language=MARKED))
    shown_texts = [line for line in part(mail, "plain").splitlines() if line not in {"", URL}]
    assert "until ««Friday», 4 «December» 2026 (09:25:26 UTC)»" in shown_texts[1]
    assert [line for line in shown_texts if unmarked(line)] == []
    assert unmarked(Page(part(mail, "html")).shown.replace(URL, "")) == ""
    assert unmarked(mail["Subject"]) == ("Invoice 1001" if about and opens is Opens.RESOURCE else "")


@pytest.mark.parametrize("month", range(1, 13))
def test_date_of_another_day(month: int) -> None:
    """S2: the date names its weekday and month as the calendar does, whatever the server's locale."""
    ends = datetime(2027, month, 5, 23, 59, 59, tzinfo=UTC)
    text = part(compose(link(expires_at=ends), to=TO, about="x"), "plain")
    assert f"until {ends:%A}, 5 {ends:%B} 2027 (23:59:59 UTC)" in text


def test_date_header() -> None:
    """RFC 5322, 3.6: the mail is dated, by the clock it was given."""
    at = datetime(2026, 11, 20, 8, 0, 1, tzinfo=UTC)
    assert compose(link(), to=TO, about="x", clock=FrozenClock(at))["Date"] == "Fri, 20 Nov 2026 08:00:01 +0000"
    assert abs(compose(link(), to=TO, about="x")["Date"].datetime - SystemClock().now()) < timedelta(minutes=1)


def test_clock_in_another_zone() -> None:
    """D10: a clock that can't be believed dates no mail."""

    class Local:
        def now(self) -> datetime:
            return datetime(2026, 11, 20, tzinfo=timezone(timedelta(hours=1)))

    with pytest.raises(ClockError):
        compose(link(), to=TO, about="x", clock=Local())


def test_answers_by_machines() -> None:
    """RFC 3834: the mail says that a machine wrote it; it silences no bounce, and offers no list to leave."""
    message = compose(link(), to=TO, about="x")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert message["List-Unsubscribe"] is None


def test_message_ids_that_repeat_or_tell() -> None:
    """Each mail has an id of its own at the sender's domain, which holds nothing of the link."""
    ids = [str(compose(link(), to=TO, about="x", sender="b@acme.example")["Message-ID"]) for _ in range(20)]
    assert len(set(ids)) == 20
    assert all(re.fullmatch(r"<[0-9a-f]{32}@acme\.example>", each) for each in ids)


@pytest.mark.parametrize(
    ("base_url", "sender"),
    [
        ("https://billing.example/l/", "no-reply@billing.example"),
        ("https://billing.example:8443/l/", "no-reply@billing.example"),
        ("http://localhost:5000/l/", "no-reply@localhost"),
        ("http://127.0.0.1:5000/l/", "no-reply@[127.0.0.1]"),
        ("http://[::1]:5000/l/", "no-reply@[IPv6:::1]"),
        ("https://" + "long-label." * 12 + "example/l/", "no-reply@" + "long-label." * 12 + "example"),
    ],
)
def test_no_sender(base_url: str, sender: str) -> None:
    """H01: without a sender the mail comes from the host of the configured link, never from a request's."""
    mail = arrived(compose(link(base_url=base_url), to=TO, about="x"))
    assert [address.addr_spec for address in mail["From"].addresses] == [sender]
    assert str(mail["Message-ID"]).endswith(sender.removeprefix("no-reply") + ">")
    assert mail["Reply-To"] is None


def test_link_without_a_host() -> None:
    """A link that names no host still has a sender."""
    assert compose(link(base_url="/l/"), to=TO, about="x")["From"] == "no-reply@localhost"


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("billing@acme.example", ""),
        ("<billing@acme.example>", ""),
        ("Acme Billing <billing@acme.example>", "Acme Billing"),
        ('"Acme, Inc." <billing@acme.example>', "Acme, Inc."),
        ("Bücher & Söhne; (GmbH), a:b <billing@acme.example>", "Bücher & Söhne; (GmbH), a:b"),
        ('Acme\r\nBcc: x@evil.com\\" <billing@acme.example>', "Acme Bcc: x@evil.com"),
        ("=?utf-8?q?x=2C_y=40evil.com?= <billing@acme.example>", "= ?utf-8?q?x=2C_y=40evil.com?="),
    ],
)
def test_sender_with_a_name(sender: str, name: str) -> None:
    """J30: a sender's name is shown as written and is never an address or a header; the same for where answers go."""
    mail = arrived(compose(link(), to=TO, about="x", sender=sender, reply_to=sender))
    for field in ("From", "Reply-To"):
        assert [(each.display_name, each.addr_spec) for each in mail[field].addresses] == [
            (name, "billing@acme.example")
        ]
    assert mail["Bcc"] is None


@given(name=st.text(alphabet=st.characters(exclude_characters="<>"), max_size=80))
def test_sender_with_any_name(name: str) -> None:
    """J30: whatever a sender's name holds, the mail has one sender, and it is the one that was given."""
    mail = arrived(compose(link(), to=TO, about="x", sender=f"{name}<billing@acme.example>"))
    assert [each.addr_spec for each in mail["From"].addresses] == ["billing@acme.example"]
    assert set(mail.keys()) == HEADERS


def test_name_that_the_front_door_does_not_know() -> None:
    """The module exports what it lists and nothing else."""
    assert all(getattr(magiclink.web, name).__name__ == name for name in magiclink.web.__all__)
    assert dir(magiclink.web) == sorted(magiclink.web.__all__)
    with pytest.raises(AttributeError, match="no attribute 'sendmail'"):
        _ = magiclink.web.sendmail  # type: ignore[attr-defined]
