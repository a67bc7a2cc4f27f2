"""The app's own site, and the paths of it that a link may lead to.

The origin comes from configuration and the destination from `issue`, never from a request, so that no Host header and
no query parameter decides where a customer with a working link lands. Nothing here normalises: a value is refused or
kept as it was given, because what is checked must be what goes into the Location header. No I/O; no message holds a
destination, which may carry the app's own secrets.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Self
from urllib.parse import unquote

from .errors import BadArgumentError, ConfigurationError, describe_type

LONGEST_DESTINATION = 2_000
"""Characters: browsers, proxies and mail gateways differ above that."""

LONGEST_HOST = 253
"""Characters: a name of 255 octets (RFC 1035, section 2.3.4) as text."""

_URL = re.compile(r"(https?)://([a-z0-9.-]+|\[::1\])(?::([1-9][0-9]{0,4}))?(/.*)", re.ASCII)
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.(?!\Z)|\Z))+", re.ASCII)
_PATH = re.compile(r"/(?:(?!\.{1,2}/)[A-Za-z0-9._~-]+/)*", re.ASCII)

# What browsers take for an IPv4 address (WHATWG URL, "ends in a number"): the last label is decimal or hexadecimal.
_NUMBER_AT_END = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)

_DEFAULT_PORTS = {"http": "80", "https": "443"}

# A slash, then printable ASCII without space and backslash.
_PRINTABLE = re.compile(r"/[!-\[\]-~]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%[01][0-9A-Fa-f]|%7[Ff]")
_END_OF_PATH = re.compile(r"[?#]")

# Browsers and frameworks read `//host`, `/\host` and what is left of `/./` and `/../` as another host or another path.
_TREACHEROUS = re.compile(r"//|\\|[\x00-\x1f\x7f-\x9f]|/\.{1,2}(?:/|\Z)")
_SIGNS_OUT = re.compile(r".*/(?:log|sign)[-_]?out(?:[.;][^/]*)?/?", re.IGNORECASE)

# A token is 60 characters of base64url (design, section 6).
_TOKEN = re.compile(r"/[A-Za-z0-9_-]{60}/?")


@dataclass(frozen=True, slots=True)
class Site:
    """Where the app's links live: build it by `Site.from_url`, which checks; the parts are exactly as configured."""

    base_url: str
    """As given, such as `https://billing.example/l/`; a token is appended to it as it stands."""
    origin: str
    """Scheme, host and port as a browser's Origin header has them, such as `https://billing.example:8443`."""
    host: str
    """The host without its port; `[::1]` keeps its brackets."""
    path: str
    """The path under which the links are, such as `/l/`: it starts and ends with a slash."""

    @classmethod
    def from_url(cls, base_url: object) -> Self:
        """Return the site of a base URL, which is spelled as a browser spells it, since origins are compared as text.

        It is https; plain http only on loopback hosts (`localhost`, `*.localhost`, 127.0.0.0/8, `[::1]`), since a token
        in clear text is read on the way. The host is lower-case ASCII, an internationalised one as A-labels.

        Raises ConfigurationError with the way out.
        """
        if not isinstance(base_url, str):
            given = f"{describe_type(base_url)}, and it is never taken from a request"
            raise ConfigurationError(f"base_url: wanted a str, got {given}: {_EXAMPLE}")
        parts = _URL.fullmatch(base_url)
        if parts is None:
            raise ConfigurationError(f"base_url: {_SPELLING}: {_EXAMPLE}")
        scheme, host, port, path = parts.groups()
        _check_host(host)
        if port is not None and (port == _DEFAULT_PORTS[scheme] or int(port) > 65_535):
            raise ConfigurationError(f"base_url: wanted a port from 1 to 65535 that isn't the scheme's own, got {port}")
        if not _PATH.fullmatch(path):
            wanted = "a path of letters, digits and -._~ between single slashes, one at its end, without dot segments"
            raise ConfigurationError(f"base_url: wanted {wanted}, got one of {len(path)} characters: {_EXAMPLE}")
        if scheme == "http" and not _is_loopback(host):
            raise ConfigurationError(
                f"base_url: wanted https: http is for localhost, 127.0.0.1, [::1] only; {_EXAMPLE}"
            )
        return cls(base_url, base_url.removesuffix(path), host, path)

    @property
    def is_secure(self) -> bool:
        """Return whether the site is https: only there do cookies get the `__Host-` prefix and Secure."""
        return self.origin.startswith("https:")

    def check_destination(self, path: object) -> str | None:
        """Return a path of the app's own site exactly as it was given, fit for a Location header; None stays None.

        It starts with a single slash and is at most 2,000 characters of printable ASCII, without space or backslash.
        However often its path is percent-decoded, it shows no `//`, backslash, control or dot segment. Percent signs
        start complete escapes, and none encodes a control, in the query and the fragment too; otherwise these two are
        the app's own affair and kept as they are.

        Two kinds of paths are refused because of what they do: those that sign out by their name (`logout`, `sign-out`)
        and those at or below the links' own path, a loop. Where the links live at `/`, everything is below it: then the
        loops themselves are refused, which are `/` (the page of the pending link) and one segment of 60 base64url
        characters (a token). That costs an app whose links live at `/` any page of its own with a name of that shape.

        Raises BadArgumentError.
        """
        if path is None:
            return None
        if not isinstance(path, str) or len(path) > LONGEST_DESTINATION or not _PRINTABLE.fullmatch(path):
            given = f"a str of {len(path)} characters" if isinstance(path, str) else describe_type(path)
            shape = f"one slash first, at most {LONGEST_DESTINATION} printable ASCII characters, all else escaped"
            raise BadArgumentError(f"destination: None or your site's path, as /invoices/1001: {shape}; got {given}")
        if _BAD_ESCAPE.search(path):
            raise BadArgumentError("destination: a percent sign starts no escape, or a control's: write %25 for a %")
        for reading in _decode_repeatedly(_END_OF_PATH.split(path, maxsplit=1)[0]):
            self._check_reading(reading)
        return path

    def _check_reading(self, path: str) -> None:
        if _TREACHEROUS.search(path):
            found = "has //, a backslash, a control or a dot segment: write the path itself"
            raise BadArgumentError(f"destination: this one, percent-decoded, {found}, such as /invoices/1001")
        if _SIGNS_OUT.fullmatch(path):
            raise BadArgumentError("destination: this one signs out by its name: lead to a page that only shows")
        if self._is_own(path):
            raise BadArgumentError(f"destination: this one leads back to the links themselves, at or below {self.path}")

    def _is_own(self, path: str) -> bool:
        if self.path == "/":
            return path == "/" or _TOKEN.fullmatch(path) is not None
        # Without its last slash too: frameworks redirect `/l` to `/l/`.
        return f"{path}/".startswith(self.path)


_EXAMPLE = "write it as in https://billing.example/l/"
_SPELLING = (
    "wanted a browser's spelling: https://, a host in lower-case ASCII (an internationalised one as xn-- labels), a "
    "port only if it isn't the default one, a path that starts and ends with a slash; no user, query or spaces"
)


def _decode_repeatedly(path: str) -> Iterator[str]:
    """Yield a path as it is, and as each further round of percent-decoding shows it; every round is shorter."""
    yield path
    while (decoded := unquote(path)) != path:
        yield decoded
        path = decoded


def _check_host(host: str) -> None:
    if host == "[::1]":
        return
    if len(host) > LONGEST_HOST or not _NAME.fullmatch(host):
        raise ConfigurationError(f"base_url: wanted a DNS name, an IPv4 address or [::1], got {host!r:.80}: {_EXAMPLE}")
    # Browsers rewrite 127.1, 0x7f.1 and 2130706433 to 127.0.0.1, whose origin is then another text.
    if _NUMBER_AT_END.fullmatch(host) and _ipv4(host) is None:
        raise ConfigurationError(f"base_url: {host!r:.80} reads as an IPv4 address: write all four numbers in decimal")


def _is_loopback(host: str) -> bool:
    address = _ipv4(host)
    if address is not None:
        return address.is_loopback
    # RFC 6761, section 6.3: localhost and every name below it.
    return host in {"localhost", "[::1]"} or host.endswith(".localhost")


def _ipv4(host: str) -> IPv4Address | None:
    try:
        return IPv4Address(host)
    except AddressValueError:
        return None
