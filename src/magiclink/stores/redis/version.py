"""The version of what the Redis store keeps, under `<prefix>:version`; keys of another version are refused, unread."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...errors import ConfigurationError, StoreError
from . import scripts

if TYPE_CHECKING:
    from .connections import Server

VERSION = b"2"
"""The version that this library writes. The first one, of integers of 63 bits, wrote no version."""

_WILD = re.compile(rb"([*?\[\]\\])")


def require_version(server: Server, prefix: bytes) -> None:
    """Write the version where nothing is kept yet. Raises ConfigurationError where what is kept has another one."""
    key = prefix + b"version"
    try:
        if server.run(scripts.READ_VERSION, key) is None and not server.has_keys(_WILD.sub(rb"\\\1", prefix) + b"{*"):
            server.run(scripts.WRITE_VERSION, key, VERSION)
        # Another process may have written it, and links too, since it was read first.
        found = server.run(scripts.READ_VERSION, key) or b"1"
    except StoreError as error:
        raise ConfigurationError(str(error)) from error
    if found != VERSION:
        theirs, name = found.decode(errors="replace"), prefix.decode()
        raise ConfigurationError(
            f"the keys {name}* are of version {theirs}, and this library reads {VERSION.decode()}: read them with the "
            "library that wrote them, open the store with another prefix=, or delete them, which ends their links, by "
            f"`redis-cli --scan --pattern '{name}*' | xargs redis-cli del`"
        )
