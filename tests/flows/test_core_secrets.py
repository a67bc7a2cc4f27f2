"""M01, M02, M04, M07: after every story, no token and no part of its secret is anywhere but in its Link."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import logging
import pickle
from base64 import b64encode, urlsafe_b64decode
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import CoroutineType, FrameType, FunctionType, MethodType, TracebackType
from typing import TYPE_CHECKING, Any

import pytest

import magiclink
from magiclink import CONFIRM_EMAIL, INVOICE, SIGN_IN, STEP_UP, Link, MagicLinkError, Order, StoreError
from magiclink.aio import AsyncMagicLinks
from magiclink.crypto.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import World

PACKAGE = str(Path(magiclink.__file__).parent)
AP = "ap@acme.example"
BOUND = replace(STEP_UP, purpose="bound", step_up=False, bind_browser=True)
POLICIES = (INVOICE, SIGN_IN, CONFIRM_EMAIL, STEP_UP, BOUND)
WHO: dict[str, Any] = {"subject": "customer-7", "recipient": AP}


class Canary:
    """Knows every token that was made, and sings where one of them, or a part of its secret, is found."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.found: list[str] = []

    def needles(self) -> list[str]:
        """Return what must not be found: each token, and its secret in the spellings that reprs and dumps use."""
        needles = []
        for token in self.tokens:
            secret = urlsafe_b64decode(token)[9:29]
            needles += [token, token[12:38], secret.hex(), repr(secret)[2:-1], b64encode(secret).decode()[:-2]]
        return needles

    def look(self, where: str, value: object) -> None:
        """Look for it in a value, through containers, objects and what a frame reporter would show."""
        text = "\n".join(_texts(value, set(), 8))
        self.found += [f"{where}: {needle}" for needle in self.needles() if needle in text]

    def look_up(self, frame: FrameType | None) -> None:
        """Look for it in the local variables of the package, from a frame up to its callers."""
        while frame is not None:
            if frame.f_code.co_filename.startswith(PACKAGE):
                self.look(f"{frame.f_code.co_filename}:{frame.f_lineno}", dict(frame.f_locals))
            frame = frame.f_back

    def look_into(self, error: BaseException | None) -> None:
        """Look for it in an exception, in what it was raised from, and in the package's frames that it came through."""
        while error is not None:
            self.look("exception", [repr(error), str(error), error.args, getattr(error, "__notes__", []), vars(error)])
            traceback: TracebackType | None = error.__traceback__
            while traceback is not None:
                if traceback.tb_frame.f_code.co_filename.startswith(PACKAGE):
                    self.look(f"{traceback.tb_frame.f_code}", dict(traceback.tb_frame.f_locals))
                traceback = traceback.tb_next
            error = error.__cause__ or error.__context__


def _texts(value: object, seen: set[int], depth: int) -> Iterator[str]:
    if id(value) in seen or not depth:
        return
    seen.add(id(value))
    yield repr(value)
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    elif isinstance(value, partial):
        value = [value.func, value.args, value.keywords]
    elif isinstance(value, MethodType):
        value = [value.__self__]
    elif isinstance(value, FunctionType):
        value = [cell.cell_contents for cell in value.__closure__ or ()]
    elif isinstance(value, CoroutineType):
        value = [] if value.cr_frame is None else list(value.cr_frame.f_locals.values())
    elif type(value).__module__.startswith("magiclink") and hasattr(value, "__dict__"):
        value = [*vars(value).values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from _texts(each, seen, depth - 1)


class Listening(logging.Handler):
    """Looks at each line of the log, and at the stack that wrote it, as error reporters do."""

    def __init__(self, canary: Canary) -> None:
        super().__init__(logging.DEBUG)
        self.canary = canary
        self.lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one."""
        self.lines += 1
        self.canary.look("log", [record.getMessage(), record.args])
        self.canary.look_up(inspect.currentframe())
        if record.exc_info:
            self.canary.look_into(record.exc_info[1])


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    """Return a canary that hears of every token, with its listener at the log."""
    canary, make = Canary(), Tokens.make

    def making(self: Tokens, purpose: str, *, expires_at: int) -> tuple[str, bytes]:
        token, link_id = make(self, purpose, expires_at=expires_at)
        canary.tokens.append(token)
        return token, link_id

    monkeypatch.setattr(Tokens, "make", making)
    handler, logger = Listening(canary), logging.getLogger()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    yield canary
    logger.removeHandler(handler)
    logger.setLevel(level)
    assert canary.found == []


class Stage:
    """The API, synchronous or not, whose store, clock and callables look for the canary whenever they are asked."""

    def __init__(self, world: World, canary: Canary, api: str) -> None:
        self.world, self.canary, self.api = world, canary, api
        for call in ("get", "add", "newest", "consume", "find", "note", "mark_delivered"):
            self._watch(call)

    def _watch(self, call: str) -> None:
        asked = getattr(self.world.store.inner, call)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.canary.look_up(inspect.currentframe())
            self.canary.look(f"store.{call}", [args, kwargs])
            return asked(*args, **kwargs)

        setattr(self.world.store.inner, call, watched)

    def seen(self, answer: Any = True) -> Callable[..., Any]:
        """Return a callable of the app's that looks around, and answers or raises."""

        def asked(*args: object) -> Any:
            self.canary.look_up(inspect.currentframe())
            self.canary.look("asked", args)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return asked

    def run(self, call: str, *args: Any, settings: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Make one call on the stage's API."""
        arranged = self.world.settings(*POLICIES, **(settings or {}))
        if self.api == "sync":
            return getattr(magiclink.MagicLinks(**arranged), call)(*args, **kwargs)
        return asyncio.run(getattr(AsyncMagicLinks(**arranged), call)(*args, **kwargs))

    def refuse(self, call: str, *args: Any, **kwargs: Any) -> None:
        """Make a call that must fail, and look into what it raises."""
        with pytest.raises((MagicLinkError, TypeError, LookupError)) as caught:
            self.run(call, *args, **kwargs)
        self.canary.look_into(caught.value)


@pytest.fixture(params=["sync", "aio"])
def stage(request: pytest.FixtureRequest, small_world: World, canary: Canary) -> Stage:
    """Return each API on a stage of its own."""
    return Stage(small_world, canary, request.param)


def test_canary_sings(canary: Canary, small_world: World) -> None:
    """The canary itself works: it finds a token in a frame, an exception, a container and a dump of a secret."""
    token = small_world.links().issue(INVOICE, subject="customer-7").token
    secret = urlsafe_b64decode(token)[9:29]
    for value in (
        token,
        [(token,)],
        {"x": {token}},
        f"at {token}!",
        secret,
        secret.hex(),
        partial(print, token),
        lambda: token,
    ):
        canary.look("here", value)
        assert canary.found, value
        canary.found.clear()
    try:
        raise ValueError(token)
    except ValueError as error:
        canary.look_into(error)
    assert canary.found
    canary.found.clear()


def test_redeem_and_verify_refused(stage: Stage) -> None:
    """Redeem and verify refused in every way: no frame of the package keeps the token."""
    world, soon = stage.world, timedelta(minutes=1)
    live = stage.run("issue", CONFIRM_EMAIL, **WHO)
    forged = live.token[:-1] + ("A" if live.token[-1] != "A" else "B")
    stage.canary.tokens.append(forged)
    used = stage.run("issue", CONFIRM_EMAIL, **{**WHO, "resource": "used"})
    stage.run("redeem", used.token, CONFIRM_EMAIL, admit=stage.seen())
    revoked = stage.run("issue", CONFIRM_EMAIL, **{**WHO, "resource": "revoked"})
    stage.run("revoke", revoked.link_id)
    superseded, newer = (stage.run("issue", CONFIRM_EMAIL, **{**WHO, "resource": "old"}) for _ in range(2))
    stage.run("mark_delivered", newer.link_id)
    stepped = stage.run("issue", STEP_UP, subject="customer-7")
    bound = stage.run("issue", BOUND, subject="customer-7", browser="nonce")
    stamped = stage.run("issue", CONFIRM_EMAIL, settings={"security_stamp": stage.seen("first")}, **WHO)
    expired = stage.run("issue", CONFIRM_EMAIL, expires_at=world.clock.now() + soon, **WHO)
    world.clock.tick(soon)
    for call in ("verify", "redeem"):
        for link in (used, revoked, superseded, expired, stamped):
            stage.refuse(call, link.token, CONFIRM_EMAIL)
        stage.refuse(call, bound.token, BOUND, browser="other")
        stage.refuse(call, forged, CONFIRM_EMAIL)
        stage.refuse(call, forged, (CONFIRM_EMAIL, SIGN_IN))
        stage.refuse(call, live.token, SIGN_IN)
        stage.refuse(call, live.token, "confirm-email")
        stage.refuse(call, live.token, CONFIRM_EMAIL, browser=5)
        stage.refuse(call, live.token, CONFIRM_EMAIL, settings={"clock": _Broken()})
        stage.refuse(call, stamped.token, CONFIRM_EMAIL, settings={"security_stamp": stage.seen("second")})
        stage.refuse(call, stamped.token, CONFIRM_EMAIL, settings={"security_stamp": stage.seen(LookupError())})
        stage.refuse(call, live.token)
        stage.refuse(call, live.token, CONFIRM_EMAIL, bogus=1)
        stage.refuse(call, policy=CONFIRM_EMAIL, tokens=live.token)
    stage.refuse("redeem", stepped.token, STEP_UP)
    stage.refuse("redeem", live.token, CONFIRM_EMAIL, attempt="")
    stage.refuse("redeem", live.token, CONFIRM_EMAIL, admit=stage.seen(False))
    stage.refuse("redeem", live.token, CONFIRM_EMAIL, admit=stage.seen(LookupError()))


def test_redeem_and_verify_while_the_store_is_down(stage: Stage) -> None:
    """A store that fails at whatever call leaves no token behind, and neither does a note that it doesn't take."""
    world = stage.world
    live, used = (stage.run("issue", CONFIRM_EMAIL, subject=name) for name in ("live", "used"))
    stage.run("redeem", used.token, CONFIRM_EMAIL)
    for trouble in (StoreError("down"), OSError("down")):
        world.store.faults = {"get": trouble, "consume": trouble}
        stage.refuse("verify", live.token, CONFIRM_EMAIL)
        stage.refuse("redeem", live.token, CONFIRM_EMAIL)
        stage.refuse("redeem", live.token, CONFIRM_EMAIL, admit=stage.seen())
        world.heal()
        world.store.faults = {"note": trouble}
        stage.refuse("redeem", used.token, CONFIRM_EMAIL)
        world.heal()
    stage.run("redeem", live.token, CONFIRM_EMAIL)


class _Broken:
    def now(self) -> Any:
        """Fail."""
        raise OSError("no clock")


def test_issue_and_reissue_refused(stage: Stage) -> None:
    """E01, M07: a link whose record couldn't be written is in no frame, error or line of a log."""
    world = stage.world
    old = stage.run("issue", CONFIRM_EMAIL, **WHO)
    world.clock.tick(timedelta(days=2))
    orders = [Order(policy=CONFIRM_EMAIL, subject=str(each)) for each in range(3)]
    for trouble in (StoreError("down"), OSError("down")):
        world.store.faults = {"add": trouble}
        stage.refuse("issue", CONFIRM_EMAIL, **WHO)
        stage.refuse("issue_many", orders)
        stage.refuse("remind", CONFIRM_EMAIL, **WHO)
        stage.refuse("renew", old.token, to=AP)
        for call in ("newest", "get"):
            world.heal()
            world.store.faults = {call: trouble}
            stage.refuse("renew", old.token, to=AP)
        world.heal()
    made = len(stage.canary.tokens)
    assert made == 1 + 2 * (1 + 3 + 1 + 1)
    for to in ("boss@acme.example", "nobody", 5, None):
        stage.refuse("renew", old.token, to=to)
    stage.refuse("renew", old.token)
    stage.refuse("renew", old.token, AP)
    stage.refuse("renew", old.token[:-1], to=AP)
    stage.refuse("renew", old.token, to=AP, settings={"clock": _Broken()})
    stage.refuse("issue", CONFIRM_EMAIL, subject="customer-7", bogus=1)
    stage.run("renew", old.token, to=AP)
    stage.refuse("renew", old.token, to=AP)
    stage.refuse("issue_many", [*orders, None])


def test_asynchronous_callable_in_the_synchronous_api(canary: Canary, small_world: World) -> None:
    """A flow that is abandoned because it would wait leaves no token behind."""
    stage = Stage(small_world, canary, "sync")

    async def admit(info: object) -> bool:
        await asyncio.sleep(0)
        return True

    link = stage.run("issue", CONFIRM_EMAIL, **WHO)
    stage.refuse("redeem", link.token, CONFIRM_EMAIL, admit=admit)


def test_events(stage: Stage) -> None:
    """No event holds a token or an address, and no frame holds one while it is told, also by a listener that fails."""
    for listener in (stage.seen(), stage.seen(LookupError())):
        events: list[Any] = []

        def hear(event: Any) -> None:
            events.append(event)  # noqa: B023
            listener(event)  # noqa: B023

        settings = {"on_event": hear}
        link = stage.run("issue", SIGN_IN, settings=settings, **WHO)
        stage.run("mark_delivered", link.link_id, settings=settings)
        stage.run("verify", link.token, SIGN_IN, settings=settings)
        stage.run("redeem", link.token, SIGN_IN, settings=settings)
        stage.refuse("redeem", link.token, SIGN_IN, settings=settings)
        fresh = stage.run("renew", link.token, to=AP, settings=settings)
        stage.run("revoke", fresh.link_id, settings=settings)
        stage.canary.look("events", [asdict(event) for event in events])
        assert len(events) == 7
        assert AP not in repr(events)
        stage.world.clock.tick(timedelta(hours=2))


def test_values(stage: Stage) -> None:
    """M01, M02, M17: of all that the calls give, only `url` and `token` of a Link show it; a Link is never pickled."""
    link = stage.run("issue", INVOICE, **WHO)
    given = [
        stage.run("verify", link.token, INVOICE),
        stage.run("redeem", link.token, INVOICE),
        stage.run("inspect", link.link_id),
        stage.run("find", subject="customer-7"),
        stage.run("history", subject="customer-7"),
    ]
    stage.canary.look("values", [given, [pickle.dumps(each) for each in given]])
    stage.canary.look("link", [f"{link} {link!r} %s %r" % (link, link), copy.copy(link), copy.deepcopy([link])])
    assert isinstance(link, Link)
    assert not hasattr(link, "__dict__")
    dumps: list[Any] = [pickle.dumps, json.dumps, asdict, vars]
    for dump in dumps:
        with pytest.raises(TypeError) as caught:
            dump(link)
        stage.canary.look_into(caught.value)


def test_token_in_the_store(canary: Canary, tmp_path: Path) -> None:
    """No file of the store holds a token, its secret or an address; nor does MagicLinks, seen from outside."""
    from magiclink.stores.sqlite import SQLiteStore
    from magiclink.testing.clock import FrozenClock

    world_file = tmp_path / "links.db"
    key = magiclink.KeyRing(signing=magiclink.Key.generate())
    links = magiclink.MagicLinks(
        keys=key,
        store=SQLiteStore(world_file),
        policies=POLICIES,
        base_url="https://billing.example/l/",
        clock=FrozenClock(),
    )
    link = links.issue(CONFIRM_EMAIL, subject="customer-7", recipient=AP, destination="/x")
    links.redeem(link.token, CONFIRM_EMAIL, attempt="nonce of a browser")
    canary.look("links", links)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    links.close()
    kept += world_file.read_bytes()
    secret = urlsafe_b64decode(link.token)[9:29]
    for needle in (link.token.encode(), secret, secret.hex().encode(), AP.encode(), b"nonce of a browser"):
        assert needle not in kept
    assert b"customer-7" in kept
