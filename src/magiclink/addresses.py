"""One mail address: its canonical spelling or a refusal, the form it is matched by, and its mask for pages.

An address ends up in the recipient field of a mail with a working link in it, so whatever two programs could read in
two ways is refused here: lists, display names, comments, quotes, encoded words, look-alikes that normalisation unites.
The canonical spelling is ASCII. Nothing here asks DNS, sends or logs; no error's message or cause holds an address.
"""

import re
import unicodedata
from string import ascii_lowercase, ascii_uppercase

from .errors import BadArgumentError, describe_type

LONGEST_ADDRESS = 254
"""Characters: a path of 256 octets (RFC 5321, section 4.5.3.1.3) less its angle brackets."""

LONGEST_LOCAL_PART = 64
"""Characters (RFC 5321, section 4.5.3.1.1)."""

# RFC 5322, section 3.2.3: dot-atom-text.
_DOT_ATOM = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII | re.IGNORECASE)

# RFC 1123, section 2.1; RFC 5890, section 2.3.1: of the labels with `--` in the third place only `xn--` has a meaning.
_LABEL = re.compile(r"(?!(?!xn)[a-z0-9-]{2}--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

# What nearly every address looks like: the rules below have nothing to say about it, and it costs a quarter to read.
_PLAIN = re.compile(r"(?=[^@]{1,64}@)[a-z0-9]+(?:[._-][a-z0-9]+)*@(?:[a-z0-9]{1,63}\.)+[a-z]{2,63}")

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def canonicalize(address: object) -> str:
    """Return one mail address in its canonical spelling: the local part as written, the domain as lower-case A-labels.

    The local part is a dot-atom of at most 64 ASCII characters (RFC 5321, section 4.1.2): an internationalised one
    (SMTPUTF8, RFC 6531) is refused, and so are quoted ones. The domain may be a single label (an intranet's); an
    underscore, a trailing dot or an IP address is refused. The whole has at most 254 characters.

    A label that isn't ASCII must come back unchanged from its A-label. This refuses upper case outside ASCII, `ß`, `ς`
    and the joiners: IDNA 2003 (RFC 3490) maps them to other characters, IDNA 2008 keeps or refuses them (RFC 5894,
    section 7.2), so that one spelling would name two domains. An `xn--` label must decode to such a label, and back.

    Raises BadArgumentError for everything else; its message never holds the address.
    """
    # The bound comes first: normalising and Punycode take long over long texts.
    if not isinstance(address, str) or len(address) > LONGEST_ADDRESS:
        given = f"{len(address)} characters" if isinstance(address, str) else describe_type(address)
        raise BadArgumentError(f"an address: wanted a str of at most {LONGEST_ADDRESS} characters, got {given}")
    if plain := _PLAIN.fullmatch(address):
        return plain[0]
    # Some mailers and databases normalise: U+FF20, a wide `@`, would then end the local part elsewhere.
    if unicodedata.normalize("NFKC", address) != address:
        raise BadArgumentError("an address: this one changes under Unicode normalisation (NFKC): use plain letters")
    if address.endswith(">"):
        raise BadArgumentError("an address: the address alone, without a name and without < >")
    local, at, domain = address.partition("@")
    if not at:
        raise BadArgumentError("an address: this one has no @; wanted a local part, one @ and a domain")
    spelled = f"{_parse_local_part(local)}@{_parse_domain(domain)}"
    if len(spelled) > LONGEST_ADDRESS:
        size = f"has {len(spelled)} characters with its domain as A-labels, and {LONGEST_ADDRESS} are the most"
        raise BadArgumentError(f"an address: this one {size}")
    return spelled


def fold_case(address: str) -> str:
    """Return the form under which two canonical addresses are the same one: its letters A to Z in lower case.

    RFC 5321, section 2.4, lets a server tell local parts apart by case and advises against it: two mailboxes that
    differ in case alone don't occur, and customers type either. Mail always goes to the stored spelling, so a match
    decides who is meant and never where a link is sent. Nothing else is folded: neither dots nor `+tag`, which are
    other mailboxes at some servers, nor Unicode, whose folding unites mailboxes of different people (`ſ` and `s`).
    """
    return address.translate(_ASCII_LOWER)


def mask(address: str) -> str:
    """Return a canonical address as a page may show it, such as `a…@acme.example`: never the whole local part."""
    local, _, domain = address.partition("@")
    first = local[0] if len(local) > 1 else ""
    return f"{first}…@{domain}"


def _parse_local_part(local: str) -> str:
    if len(local) > LONGEST_LOCAL_PART or not _DOT_ATOM.fullmatch(local):
        wanted = f"a dot-atom (RFC 5322) of 1 to {LONGEST_LOCAL_PART} ASCII characters before the @, got {len(local)}"
        raise BadArgumentError(f"an address: wanted {wanted}: no spaces, quotes, commas, brackets or double dots")
    # These are atext, but `email.message.EmailMessage` decodes encoded words in addresses: another one gets the mail.
    if "=?" in local:
        raise BadArgumentError("an address: this one has =? before its @, which mailers read as an encoded word")
    return local


def _parse_domain(domain: str) -> str:
    labels = [_parse_label(label) for label in domain.split(".")]
    if labels[-1].isdigit():
        raise BadArgumentError("an address: wanted the name of a domain, got an IP address")
    return ".".join(labels)


def _parse_label(label: str) -> str:
    a_label = label.translate(_ASCII_LOWER)
    if a_label.startswith("xn--"):
        a_label = _check_a_label(a_label)
    elif not label.isascii():
        a_label = _to_a_label(label)
    if not _LABEL.fullmatch(a_label):
        wanted = "1 to 63 letters, digits and inner hyphens between the dots of the domain, valid in IDNA"
        raise BadArgumentError(f"an address: wanted {wanted}; got a part of {len(label)} characters that isn't")
    return a_label


# Both answer "" and leave raising to the caller: a UnicodeError holds the label, and would stay as the context.
def _to_a_label(label: str) -> str:
    # RFC 5892, section 2.2: the codec lets small letters pass that fold into others, such as U+1C80 into `в`.
    if unicodedata.normalize("NFKC", label.casefold()) != label:
        return ""
    # RFC 5891, section 4.2.3.1: the A-label doesn't show where the hyphens stood, and the codec doesn't ask.
    if label.startswith("-") or label.endswith("-") or label[2:4] == "--":
        return ""
    try:
        a_label = label.encode("idna")
        return a_label.decode("ascii") if a_label.decode("idna") == label else ""
    except UnicodeError:
        return ""


def _check_a_label(label: str) -> str:
    try:
        return label if _to_a_label(label.encode("ascii").decode("idna")) == label else ""
    except UnicodeError:
        return ""
