"""What a thief has: the database without the key, or the key without the secrets. Either opens nothing."""

from __future__ import annotations

import base64
import sqlite3
from typing import TYPE_CHECKING

import pytest

from magiclink import INVOICE, InvalidLinkError, Key, KeyRing, MagicLinks
from magiclink.crypto.keys import derive_contexts
from magiclink.crypto.tokens import Tokens
from magiclink.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

    from magiclink import Link

BASE_URL = "https://billing.example/l/"
ORIGIN = "https://billing.example"


def made(database: Path, key: Key) -> MagicLinks:
    """Make the calls of an app on this file."""
    return MagicLinks(keys=KeyRing(signing=key), store=SQLiteStore(database), policies=[INVOICE], base_url=BASE_URL)


def stolen(database: Path) -> list[bytes]:
    """Read every value of every table that is long enough to be a secret, or a part of a token."""
    with sqlite3.connect(database) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = [row for table in tables for row in db.execute(f"SELECT * FROM {table}")]
    db.close()
    return [value for row in rows for value in row if isinstance(value, bytes) and len(value) >= 16]


def issue(links: MagicLinks) -> Link:
    """Issue the link that the thief is after."""
    return links.issue(INVOICE, subject="customer-7", resource="invoice:1001", recipient="ap@acme.example")


def tries(link: Link, values: list[bytes], head: bytes, tag: bytes) -> list[str]:
    """Make tokens of what was read: each value where the secret and the tag belong, beside what is known of others."""
    expiry = bytes.fromhex(link.link_id)[:4]
    raw = [
        head + expiry + value.ljust(20, b"\0")[:20] + other.ljust(16, b"\0")[:16]
        for value in values
        for other in values
    ]
    raw += [head + expiry + value.ljust(20, b"\0")[:20] + tag for value in values]
    return [base64.urlsafe_b64encode(each).decode() for each in raw]


def test_stolen_database(tmp_path: Path) -> None:
    """Who reads the whole database, and holds a link of his own, makes no token that works of what he read."""
    with made(tmp_path / "links.db", Key.generate()) as links:
        link, own = issue(links), issue(links)
        raw = base64.urlsafe_b64decode(own.token)
        for token in tries(link, stolen(tmp_path / "links.db"), raw[:5], raw[29:]):
            with pytest.raises(InvalidLinkError):
                links.redeem(token, INVOICE)
        assert links.inspect(link.link_id).uses == 0


def test_stolen_key(tmp_path: Path) -> None:
    """Who holds the key signs tokens that are genuine, for every expiry, and none of them has a record."""
    key = Key.generate()
    with made(tmp_path / "links.db", key) as links:
        link = issue(links)
        forger = Tokens(KeyRing(signing=key), ORIGIN, derive_contexts(["invoice"], ORIGIN))
        seconds = int.from_bytes(bytes.fromhex(link.link_id)[:4], "big")
        for _ in range(100):
            token, _ = forger.make("invoice", expires_at=seconds * 1_000_000)
            assert links.flows.open_token(token) is not None
            with pytest.raises(InvalidLinkError, match="unknown"):
                links.redeem(token, INVOICE)


def test_stolen_database_and_key(tmp_path: Path) -> None:
    """Who holds both still lacks the secrets: a token signed around any value that the database holds has no record."""
    key = Key.generate()
    with made(tmp_path / "links.db", key) as links:
        link = issue(links)
        forger = Tokens(KeyRing(signing=key), ORIGIN, derive_contexts(["invoice"], ORIGIN))
        head, sign = forger._signers["invoice"]
        expiry = bytes.fromhex(link.link_id)[:4]
        for value in stolen(tmp_path / "links.db"):
            signed = head + expiry + value.ljust(20, b"\0")[:20]
            token = base64.urlsafe_b64encode(signed + sign(b"", signed)).decode()
            with pytest.raises(InvalidLinkError):
                links.redeem(token, INVOICE)
