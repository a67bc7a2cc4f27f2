"""A selector is said to PostgreSQL as `Selector.matches` says it, and each look-up walks an index."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.errors import BadArgumentError
from magiclink.records import Selector
from magiclink.stores.postgres import queries, statements
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.stores.postgres.sandboxes import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink.records import Record

CHOICES: dict[str, tuple[Any, ...]] = {
    "purpose": (None, "sign-in"),
    "subject": (None, "customer-8"),
    "resource": (None, "invoice:1002"),
    "recipients": (None, (), (b"r" * 17, b"s" * 17)),
    "issued_before": (None, NOW),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Return a schema."""
    with Sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def links(sandbox: Sandbox) -> list[Record]:
    """Write links that differ in every field that a selector has, and some that nobody asks for."""
    made = [
        record(purpose=purpose, subject=subject, resource=resource, recipient=recipient, issued_at=issued_at)
        for purpose, subject, resource, recipient, issued_at in product(
            ("invoice", "sign-in"),
            ("customer-7", "customer-8"),
            (None, "invoice:1002"),
            (None, b"r" * 17, b"s" * 17),
            (NOW - 1, NOW),
        )
    ]
    others = [record(subject=f"{each}", resource=f"{each}", recipient=b"%17d" % each) for each in range(3_000)]
    assert sandbox.store().add([*made, *others, record(audience="https://shop.example")], now=NOW, renamed={})
    sandbox.run("ANALYZE @links")
    return [*made, *others]


def test_every_selector(sandbox: Sandbox, links: list[Record]) -> None:
    """9, 11: what is found, and what is revoked, is what `Selector.matches` says, whichever fields are given."""
    store = sandbox.store()
    assert set(CHOICES) == {field.name for field in fields(Selector)} - {"audience"}
    for number, values in enumerate(product(*CHOICES.values())):
        selector = Selector(audience=AUDIENCE, **dict(zip(CHOICES, values, strict=True)))
        meant = {link.link_id for link in links if selector.matches(link)}
        assert {link.link_id for link in store.find(selector, limit=5_000)} == meant
        if selector.is_empty:
            with pytest.raises(BadArgumentError):
                store.revoke_matching(selector, now=NOW, reason="")
            continue
        sandbox.run("UPDATE @links SET revoked_at = NULL WHERE revoked_at IS NOT NULL")
        store.revoke_matching(selector, now=NOW, reason=f"{number}")
        assert {link_id for (link_id,) in sandbox.run(f"SELECT link_id FROM @links WHERE revoked_at = {NOW}")} == meant


def test_page_after_a_link(sandbox: Sandbox, links: list[Record]) -> None:
    """11: pages follow each other; a limit below zero gives nothing."""
    store, selector = sandbox.store(), Selector(audience=AUDIENCE, purpose="sign-in")
    whole = list(store.find(selector, limit=99))
    assert len(whole) == 24
    assert [*store.find(selector, limit=9, after=whole[14].link_id)] == whole[15:]
    assert [*store.find(selector, limit=-1)] == []
    assert [*store.find(selector, limit=9, after=bytes(20))] == []


LOOKUPS: dict[str, tuple[str, dict[str, Any]]] = {
    "links_subject": queries.find(Selector(audience=AUDIENCE, subject="7"), limit=9, after=None),
    "links_resource": queries.revoke(Selector(audience=AUDIENCE, resource="7"), now=NOW, reason=""),
    "links_recipient": queries.find(Selector(audience=AUDIENCE, recipients=(b"7" * 17,)), limit=9, after=None),
    "links_series": (statements.READ_NEWEST, {"audience": AUDIENCE, "subject": "7", "series": [b"7" * 16]}),
    "links_pkey": (statements.GET, {"audience": AUDIENCE, "link_id": bytes(20)}),
}


@pytest.mark.parametrize("index", LOOKUPS)
def test_lookup_that_reads_the_whole_table(sandbox: Sandbox, links: list[Record], index: str) -> None:
    """L16: each look-up by a name walks its index, and never the table."""
    statement, values = LOOKUPS[index]
    rows = sandbox.store()._database.run(f"EXPLAIN (FORMAT TEXT) {statement.strip()}", values)
    plan = "\n".join(line for (line,) in rows)
    assert index in plan
    assert "Seq Scan on links" not in plan
