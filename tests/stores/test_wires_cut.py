"""A line that is cut in the middle of a use, at every turn of the talk, on each store that lies behind one."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from sqlalchemy import make_url

from magiclink import StoreError, UsedLinkError
from magiclink.testing import FrozenClock
from tests.services import missing
from tests.stores.locations import ONCE, Location, links_on, new_location
from tests.stores.postgres.sandboxes import Proxy
from tests.stores.wires import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink import Link, MagicLinks

FAR = ("PostgreSQL, read committed", "Valkey", "SQLAlchemy, PostgreSQL", "SQLAlchemy, MariaDB")
ANN = "ann@acme.example"


def wired(location: Location, folder: Path) -> tuple[Wire, Location]:
    """Put a wire before a location, and return the wire, and the location behind it."""
    try:
        if location.store_name == "PostgreSQL":
            proxy = Proxy(location.url, folder)
            return proxy, replace(location, url=proxy.url)
        if location.store_name == "Valkey":
            wire = Wire(Path(urlsplit(location.url).path), folder / "socket")
            return wire, replace(location, url=f"unix://{wire.path}")
        url = make_url(location.url)
        if "host" in url.query:
            wire = Wire(Path(str(url.query["host"])) / ".s.PGSQL.5432", folder / ".s.PGSQL.5432")
            moved = {"host": str(folder)}
        else:
            wire = Wire(Path(str(url.query["unix_socket"])), folder / "socket")
            moved = {"unix_socket": str(wire.path)}
    except KeyError:
        missing("the given server has no Unix socket to stand before")
    return wire, replace(location, url=url.update_query_dict(moved).render_as_string(hide_password=False))


@dataclass
class Machines:
    """Two machines of one app: `far` talks to the store over the wire, `near` past it."""

    near: MagicLinks
    far: MagicLinks
    wire: Wire
    clock: FrozenClock


@pytest.fixture(params=FAR)
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machines]:
    """Open a store twice, once over a wire."""
    clock = FrozenClock()
    with ExitStack() as stack:
        location = stack.enter_context(new_location(request.param, tmp_path))
        # A folder of its own under a short name: a socket's path has room for a hundred characters.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp")))
        wire, behind = wired(location, folder)
        stack.callback(wire.close)
        near, far = (stack.enter_context(links_on(each.open(1), clock=clock)) for each in (location, behind))
        yield Machines(near, far, wire, clock)


def uses_told(machines: Machines, side: str) -> Iterator[tuple[int, Link]]:
    """Cut a use at its first turn, at its second and so on, until it's over before; give what is written then."""
    for turn in count(1):
        before = machines.far.issue(ONCE, subject=f"customer-{turn}", recipient="bob@acme.example")
        link = machines.far.issue(ONCE, subject=f"customer-{turn}", recipient=ANN)
        # The line is open then, and whatever is prepared is prepared.
        machines.far.redeem(before.token, ONCE)
        machines.wire.cut(side, turn)
        try:
            machines.far.redeem(link.token, ONCE)
        except StoreError:
            yield machines.near.inspect(link.link_id).uses, link
        else:
            break
    machines.wire.cut("")


def test_use_cut_off_before_its_commit(machines: Machines) -> None:
    """E01, E05: a use of which the server hears only a part is StoreError, writes nothing, and the link still works."""
    seen = []
    for uses, link in uses_told(machines, "client"):
        machines.wire.cut("")
        assert machines.far.redeem(link.token, ONCE).link_id == link.link_id
        seen.append(uses)
    assert seen
    assert set(seen) == {0}


def test_use_cut_off_after_its_commit(machines: Machines) -> None:
    """E04: a use whose answer is lost is StoreError, opens nothing and counts; a fresh link can be had, and works."""
    seen = []
    for uses, link in uses_told(machines, "server"):
        machines.wire.cut("")
        seen.append(uses)
        if uses:
            with pytest.raises(UsedLinkError):
                machines.far.redeem(link.token, ONCE)
            machines.clock.tick(timedelta(hours=1))
            fresh = machines.far.remind(ONCE, subject=f"customer-{len(seen)}", recipient=ANN)
            assert machines.far.redeem(fresh.token, ONCE).link_id == fresh.link_id
        else:
            assert machines.far.redeem(link.token, ONCE).link_id == link.link_id
    assert 1 in seen
    assert seen == sorted(seen), "what was written is lost again"
