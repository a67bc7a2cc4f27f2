"""T14: whole peers, issue and redeem, each on a SQLite file of its own, set up as each does it for its users.

It is processor time that is compared: the wait for a flush of the disk is nobody's work.

Each file holds some outstanding links already. The peers do what their own examples do, with limits out of the way and
mails thrown away: `maglink` switches to WAL as ours does, `magic-link` leaves its file as SQLAlchemy makes it, and all
flush each commit to the disk. `maglink` redeems in two calls, since it wants a code typed and then polls; `magic-link`
is given its SQLAlchemy store.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

from magiclink import CONFIRM_EMAIL
from magiclink.stores.sqlite import SQLiteStore

from .ground import drained, folder, issue, links_on, ordered
from .pairs import Row, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .pairs import Measures

ROUNDS = 400
OUTSTANDING = 10_000


class Peer(NamedTuple):
    """A way to issue a link for a number, and to redeem what that gave."""

    issue: Callable[[int], Any]
    redeem: Callable[[Any], object]


@contextmanager
def ours(place: Path) -> Iterator[Peer]:
    """Return the library as an app uses it."""
    with links_on(SQLiteStore(place / "ours.db")) as links:
        links.issue_many(ordered(OUTSTANDING))
        orders = ordered(ROUNDS)
        yield Peer(lambda each: issue(links, orders[each]), lambda link: links.redeem(link.token, CONFIRM_EMAIL))


@contextmanager
def maglink(place: Path) -> Iterator[Peer]:
    """Return maglink's core with its own SQLite store, which is in WAL mode."""
    module = import_module("maglink")
    mails: list[str] = []

    class Mailer:
        def send(self, message: Any) -> None:
            mails.append(message.text.partition("?token=")[2].split()[0])

    store = module.SqliteStore(str(place / "maglink.db"))
    with store._connection() as db:
        db.execute("BEGIN")
        for each in range(OUTSTANDING):
            waiting = module.stores.StoredRequest(
                f"id-{each}", "a@b.example", "ABC", f"token-{each}", "pending", 0, 2**40
            )
            store.put(waiting)
    core = module.AuthCore(
        store,
        Mailer(),
        verify_url_base="https://billing.example/verify",
        allow_anyone=True,
        rate_max=1_000_000,
    )

    def begin(each: int) -> tuple[Any, str]:
        started = core.start_login(f"ap{each}@acme.example", client_ip="192.0.2.7", require_captcha=False)
        return started, mails[-1]

    def finish(begun: tuple[Any, str]) -> None:
        started, token = begun
        core.confirm(token, started.user_code)
        if core.poll_status(started.request_id)["status"] != "approved":
            raise AssertionError("maglink refused its own link")

    yield Peer(begin, finish)
    store._connection().close()


@contextmanager
def magic_link(place: Path) -> Iterator[Peer]:
    """Return magic-link's service with its SQLAlchemy store."""
    module, storage = import_module("magic_link"), import_module("magic_link.storage.sqlalchemy")
    alchemy, orm = import_module("sqlalchemy"), import_module("sqlalchemy.orm")
    engine = alchemy.create_engine(f"sqlite:///{place / 'magic-link.db'}")
    storage.Base.metadata.create_all(engine)
    sessions = orm.sessionmaker(engine)
    with sessions.begin() as session:
        now = datetime.now(UTC)
        for each in range(OUTSTANDING):
            times = {"issued_at": now, "expires_at": now + timedelta(days=1)}
            digest = {"token_hash": f"{each:064}", "signature": f"{each:064}"}
            session.add(storage.MagicLinkToken(subject=f"customer-{each}", payload={}, **digest, **times))
    kept = storage.SQLAlchemyStorage(sessions)
    service = module.MagicLinkService(module.MagicLinkConfig(secret_key="benchmark" * 4), kept)

    def finish(issued: Any) -> None:
        if not service.verify_token(issued.token).success:
            raise AssertionError("magic-link refused its own link")

    yield Peer(lambda each: service.issue_token(f"customer-{each}"), finish)
    engine.dispose()


def peers() -> Iterator[Row]:
    """Each peer in turns with ours."""
    others: list[tuple[str, Callable[[Path], AbstractContextManager[Peer]]]] = [
        ("maglink 0.3", maglink),
        ("magic-link 1.0", magic_link),
    ]
    for name, other in others:
        try:
            yield from _against(name, other)
        except ImportError as error:
            for what, target in (("issue", 8.0), ("redeem", 5.0)):
                yield Row(
                    "T14",
                    f"{name}: {what} among 10,000 links / ours",
                    "≥",
                    target,
                    None,
                    f"not installed ({error.name})",
                )


def _against(name: str, other: Callable[[Path], AbstractContextManager[Peer]]) -> Iterator[Row]:
    with folder() as place, other(place) as theirs, ours(place) as own:
        own_links: list[Any] = []
        their_links: list[Any] = []
        own_issues = drained(partial(_keep, own_links, own.issue, each) for each in range(ROUNDS))
        their_issues = drained(partial(_keep, their_links, theirs.issue, each) for each in range(ROUNDS))
        measure = partial(ratio, rounds=ROUNDS, clock=process_time)
        yield Row("T14", f"{name}: issue among 10,000 links / ours", "≥", 8.0, measure(their_issues, own_issues))
        own_uses = drained(partial(own.redeem, link) for link in own_links)
        their_uses = drained(partial(theirs.redeem, link) for link in their_links)
        yield Row("T14", f"{name}: redeem among 10,000 links / ours", "≥", 5.0, measure(their_uses, own_uses))


def _keep(kept: list[Any], make: Callable[[int], Any], each: int) -> None:
    kept.append(make(each))


MEASURES: Measures = (("T14", peers),)
