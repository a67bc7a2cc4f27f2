"""One canonical spelling an address, and a refusal for whatever could be read as two."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import email_validator
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from magiclink import addresses as rules
from magiclink.addresses import canonicalize, fold_case, mask
from magiclink.errors import BadArgumentError

MEBIBYTE = 1 << 20

ATEXT = "abcxyzABCXYZ0189!#$%&'*+-/=?^_`{|}~"
LETTERS = "abcxyz0189-äöüéñøåæþабвюяёαβγωひらが漢字한글"
LOCAL_PARTS = st.lists(st.text(ATEXT, min_size=1, max_size=20), min_size=1, max_size=3).map(".".join)
DOMAINS = st.lists(st.text(LETTERS, min_size=1, max_size=20), min_size=1, max_size=4).map(".".join)
PLAIN_LIKE = st.from_regex(r"\A[az09]{1,30}(?:[._-][az09]{1,35})?@(?:[axn09]{1,65}\.){1,2}[a-c]{1,4}\Z")
MAIL_LIKE = st.builds("{}@{}".format, LOCAL_PARTS, DOMAINS)
CHANGED_BY_IDNA = "Bücher straße faς xn--strae-oqa xn--zca a\u200db \u0130x \u023a e\u0301 bü\u00adc"
BROKEN_A_LABELS = "xn--a xn-- xn--abc- xn--99999999 xn--ü xn--ab-r13a xn----9fa"
HOSTILE_ASCII = r"""a victim X @ . , ; < > " ( ) =? ?= \ - example com 1 [127.0.0.1] xn-- xn--bcher-kva"""
HOSTILE_UNICODE = "bücher é e\u0301 ß ς \uff20 \ufe6b \u3002 \u200b \u202e \ud800 \u0130 \u1c80 \U000e0100"
HOSTILE_PIECES = [*HOSTILE_ASCII.split(), *HOSTILE_UNICODE.split(), " ", "\r\n", "\n", "\x00"]
HOSTILE = st.lists(st.sampled_from(HOSTILE_PIECES), max_size=8).map("".join)


def refused(address: object) -> str:
    """Return the message of the refusal, having seen that neither it nor its causes say what was refused."""
    with pytest.raises(BadArgumentError) as caught:
        canonicalize(address)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "ap@acme.example",
        "o'brien+tag@a-b.c1.example",
        "a@intranet",
        "v.i.c@x.com",
        "!#$%&'*+-/?=^_`{|}~@x.com",
        "A@1.x",
    ],
)
def test_canonical_address_changes(address: str) -> None:
    """An address that is canonical already comes back as it went in."""
    assert canonicalize(address) == address


@given(PLAIN_LIKE)
@example("a" * 65 + "@" + "b" * 63 + ".com")
@example("a" * 64 + "@" + "b" * 64 + ".com")
@example("a" * 64 + "@" + "b" * 63 + ".com")
@example("a@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + "." + "e" * 59 + ".co")
def test_plain_address_with_a_rule_of_its_own(address: str) -> None:
    """What is taken at sight is what the rules take, unchanged; one that is too long is refused by both."""
    local, _, domain = address.partition("@")
    assume(len(address) <= rules.LONGEST_ADDRESS and rules._PLAIN.fullmatch(address))
    assert canonicalize(address) == f"{rules._parse_local_part(local)}@{rules._parse_domain(domain)}" == address


@pytest.mark.parametrize(
    "address",
    ["victim@x.com,attacker@evil.com", "victim@x.com;attacker@evil.com", "victim@x.com attacker@evil.com"],
)
def test_two_addresses(address: str) -> None:
    """J01, J02: a list of addresses is refused, whatever separates them."""
    refused(address)


@pytest.mark.parametrize("address", [{"a": "b"}, 5, 1.5, True, None, ["a@x.com"], b"a@x.com", object()])
def test_not_text(address: object) -> None:
    """J04: what isn't text is refused with the same error, never with a TypeError."""
    message = refused(address)
    assert message.startswith("an address: wanted a str of at most 254 characters, got ")
    assert "acme" not in message


@pytest.mark.parametrize(
    "address",
    [
        "attacker@evil.com <victim@x.com>",
        "victim@x.com>, <attacker@evil.com",
        "<victim@x.com>",
        "Victim <victim@x.com>",
    ],
)
def test_display_name(address: str) -> None:
    """J05: display names and angle brackets are refused."""
    refused(address)


@pytest.mark.parametrize("address", ['"attacker@evil.com"@x.com', '"a"@x.com', '"a b"@x.com', "a\\@b@x.com"])
def test_quoted_local_part(address: str) -> None:
    """J06: quoted local parts and backslashes are refused."""
    refused(address)


@pytest.mark.parametrize("address", ["victim＠evil.com@x.com", "victim﹫x.com", "a@x\uff0ecom", "ａ@x.com", "a@ﬁ.com"])
def test_look_alike_that_normalises(address: str) -> None:
    """J07: what NFKC would change is refused, so that nobody's normalisation moves the @."""
    assert "NFKC" in refused(address)


@pytest.mark.parametrize("separator", ["\r\n", "\n", "\r", "%0a", "%0d%0a", "\u2028", "\u2029", "\x85"])
def test_header_injection(separator: str) -> None:
    """J09: no line break gets into an address, spelled or encoded."""
    refused(f"victim@x.com{separator}Bcc: a@evil.com")
    refused(f"victim@x.com{separator}")


@pytest.mark.parametrize(
    "character", ["\x00", "\x01", "\x7f", "\x9f", "\u200b", "\u202e", "\ufeff", "\t", " ", "\ud800"]
)
def test_invisible_character(character: str) -> None:
    """J10: controls, invisible characters and lone surrogates are refused on either side of the @ and around."""
    for address in (
        f"vic{character}tim@x.com",
        f"victim@x{character}y.com",
        f"{character}a@x.com",
        f"a@x.com{character}",
    ):
        refused(address)


@pytest.mark.parametrize("address", ["a@b@c.com", "@x.com", "a@", "", "@", "a", "a@@x.com"])
def test_missing_part(address: str) -> None:
    """J11: one local part, one @ and one domain, or a refusal."""
    refused(address)


@pytest.mark.parametrize("address", ["(comment)victim@x.com", "victim@x.com(c)", "victim(c)@x.com"])
def test_comment(address: str) -> None:
    """J12: comments are refused."""
    refused(address)


@pytest.mark.parametrize(
    "address", ["victim@x.com.", "a@x..com", "a..b@x.com", ".a@x.com", "a.@x.com", "a@.x.com", "a@."]
)
def test_stray_dot(address: str) -> None:
    """J14: a dot at an end and two dots in a row are refused on both sides."""
    refused(address)


def test_length_past_its_bound() -> None:
    """J15: local part 64, label 63 and the whole 254 are the last that pass."""
    domain_of_252 = ".".join(["a" * 62, "b" * 63, "c" * 63, "d" * 61])
    for longest in ("a" * 64 + "@x.com", "a@" + "b" * 63, f"a@{domain_of_252}"):
        assert canonicalize(longest) == longest
    assert len(f"a@{domain_of_252}") == 254
    for longer in ("a" * 65 + "@x.com", "a@" + "b" * 64, f"ab@{domain_of_252}"):
        refused(longer)


def test_length_past_its_bound_as_a_labels() -> None:
    """J15: an internationalised domain is measured as A-labels, each label and the whole."""
    assert len(canonicalize("a@" + "漢字" * 26)) == len("a@") + 63
    refused("a@" + "漢字" * 27)
    assert "A-labels" in refused("a@" + ".".join(["漢字" * 20] * 5))


@pytest.mark.parametrize("character", ["a", "@", "\uff20", "ü", "."])
def test_megabyte(character: str) -> None:
    """J16: an endless address is refused for its length, before its characters are looked at."""
    assert "254" in refused(character * MEBIBYTE)


def test_upper_case() -> None:
    """J17: the domain becomes lower case, the local part stays as written, and both match the stored spelling."""
    assert canonicalize("VICTIM@X.COM") == "VICTIM@x.com"
    assert fold_case(canonicalize("VICTIM@X.COM")) == fold_case(canonicalize("victim@x.com")) == "victim@x.com"


@pytest.mark.parametrize("local", ["é", "e\u0301", "müller", "д", "\u0131", "\u017f"])
def test_local_part_beyond_ascii(local: str) -> None:
    """J19: a local part that isn't ASCII is refused, composed or decomposed."""
    refused(f"{local}@x.com")


@pytest.mark.parametrize("domain", ["bücher.example", "xn--bcher-kva.example", "XN--BCHER-KVA.Example"])
def test_two_spellings_of_an_international_domain(domain: str) -> None:
    """J20: an internationalised domain is its A-labels in lower case, however it was typed."""
    assert canonicalize(f"a@{domain}") == "a@xn--bcher-kva.example"


@pytest.mark.parametrize("label", f"{CHANGED_BY_IDNA} {BROKEN_A_LABELS} a。b é- -é éa--b".split())
def test_label_with_two_readings(label: str) -> None:
    """J20: what doesn't survive IDNA unchanged, or is mapped differently in 2003 and 2008, is refused."""
    refused(f"a@{label}.example")


def test_small_letter_that_folds() -> None:
    """J20: a small letter that folds into another is refused, also in an A-label, though the codec lets it pass."""
    rounded_ve = "\u1c80"
    assert rounded_ve.encode("idna").decode("idna") == rounded_ve
    assert rounded_ve.casefold() == "в"
    refused(f"a@{rounded_ve}.example")
    refused(f"a@{rounded_ve.encode('idna').decode()}.example")


@pytest.mark.parametrize("label", ["-a", "a-", "-", "a_b", "a b", "ab--cd", "1a--b", "a%b", "[127", "a/b", "a:25"])
def test_label_that_is_no_host_name(label: str) -> None:
    """A label is letters, digits and inner hyphens, and only `xn--` may have two hyphens in the third place."""
    refused(f"a@{label}.example")


@pytest.mark.parametrize("domain", ["1.2.3.4", "x.1", "127", "[127.0.0.1]", "[IPv6:::1]"])
def test_ip_address_as_domain(domain: str) -> None:
    """A domain is a name: an IP address is refused, in brackets too."""
    refused(f"a@{domain}")


def test_look_alike_domain() -> None:
    """J21: a Cyrillic look-alike is another domain, and shows as one."""
    assert canonicalize("a@х.com") == "a@xn--u1a.com" != canonicalize("a@x.com")


@pytest.mark.parametrize(("one", "other"), [("v.i.c@gmail.com", "vic@gmail.com"), ("victim+tag@x.com", "victim@x.com")])
def test_folded_mailboxes(one: str, other: str) -> None:
    """J22: dots and tags are part of the mailbox, and never folded."""
    assert fold_case(canonicalize(one)) == one != fold_case(canonicalize(other))


@pytest.mark.parametrize("folding", ["\u0130", "\u017f", "\u212a", "ß", "É"])
def test_unicode_folding(folding: str) -> None:
    """Matching folds A to Z and nothing else, whatever it is given."""
    assert fold_case(f"A{folding}Z@X") == f"a{folding}z@x"


@pytest.mark.parametrize("address", ["=?utf-8?q?=41=40evil.com?=foo@x.com", "=?@x.com", "a=?b@x.com"])
def test_encoded_word(address: str) -> None:
    """An encoded word is refused, since EmailMessage would decode it into another recipient."""
    assert "encoded word" in refused(address)


@pytest.mark.parametrize(
    ("address", "masked"),
    [("ap@acme.example", "a…@acme.example"), ("a@x.com", "…@x.com"), ("longer.name@x", "l…@x"), ("no address", "n…@")],
)
def test_whole_local_part_in_the_mask(address: str, masked: str) -> None:
    """A mask shows at most the first of several characters of the local part, and the domain."""
    assert mask(address) == masked


@given(st.one_of(st.text(), HOSTILE, HOSTILE.map("a@{}.example".format), MAIL_LIKE))
def test_other_error_or_second_spelling(text: str) -> None:
    """Whatever the text: BadArgumentError, or ASCII of at most 254 characters that is its own canonical spelling."""
    try:
        spelled = canonicalize(text)
    except BadArgumentError:
        return
    assert spelled.isascii()
    assert spelled.isprintable()
    assert len(spelled) <= 254
    assert canonicalize(spelled) == spelled
    assert canonicalize(fold_case(spelled)) == fold_case(spelled) == spelled.lower()


@given(MAIL_LIKE)
@example("a@intranet")
@example("a@bücher.example")
def test_accepted_where_email_validator_refuses(text: str) -> None:
    """What is accepted, email-validator accepts with the same ASCII spelling, save its list of special-use domains."""
    try:
        spelled = canonicalize(text)
    except BadArgumentError:
        assume(False)
        return
    domain = spelled.partition("@")[2]
    assume(not any(f".{domain}".endswith(f".{name}") for name in email_validator.SPECIAL_USE_DOMAIN_NAMES))
    judged = email_validator.validate_email(text, check_deliverability=False, globally_deliverable=False)
    assert judged.ascii_email == spelled


@given(st.one_of(MAIL_LIKE, HOSTILE.map("a{}@x.example".format)))
@example("a@x.com")
def test_other_recipient_in_the_message(text: str) -> None:
    """What is accepted is the one recipient of a message that names it, set and parsed again."""
    try:
        spelled = canonicalize(text)
    except BadArgumentError:
        assume(False)
        return
    message = EmailMessage()
    message["To"] = spelled
    parsed = message_from_bytes(message.as_bytes(policy=policy.SMTP), policy=policy.default)
    for addresses in (message["To"].addresses, parsed["To"].addresses):
        assert [address.addr_spec for address in addresses] == [spelled]


@pytest.mark.parametrize("address", ["Ann <ann@acme.example>", "<ann@acme.example>", '"Ann, B." <ann@acme.example>'])
def test_address_with_a_name(address: str) -> None:
    """Who gives a display name is asked for the address alone."""
    assert refused(address) == "an address: the address alone, without a name and without < >"
