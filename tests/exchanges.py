"""What is asked of the web conversation and what it answers, as data that every adapter can be put through.

A story is one browser's requests, one after the other, and what is expected of each: `303 where`, or status and page.
`tests.stage` tells them to an adapter. No framework is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGIN = "https://billing.example"
ANN = "ann@acme.example"
OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request. `{invoice}` and `{sign_in}` in a path are tokens; `press` sends the form of the page before."""

    method: str = "GET"
    path: str = "/l/"
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    press: bool = False
    wait: timedelta = timedelta(0)
    """How much time passes before it."""
    expect: str = ""


def ask(path: str, expect: str, method: str = "GET", **headers: str) -> Step:
    """Ask for a path, as it is written on the wire."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Step(method=method, path=path, expect=expect, headers=named)


def press(expect: str, path: str = "/l/", headers: Mapping[str, str] = OURS, **typed: str) -> Step:
    """Press the button of the page before."""
    return Step(method="POST", path=path, expect=expect, headers=headers, form=typed, press=True)


def post(expect: str, path: str = "/l/", headers: Mapping[str, str] = OURS, **fields: str) -> Step:
    """Send a form that no page of ours has given."""
    return Step(method="POST", path=path, expect=expect, headers=headers, form=fields)


def later(step: Step, **span: float) -> Step:
    """Let time pass before a step."""
    return replace(step, wait=timedelta(**span))


OPEN = (ask("/l/{sign_in}", "303 /l/"), ask("/l/", "200 confirm"))
NOT_GENUINE = "404 not-genuine"
NOT_ALLOWED = "405 not-allowed"

STORIES: dict[str, tuple[Step, ...]] = {
    "a document": (
        ask("/l/{invoice}", "303 /invoices/1001"),
        ask("/l/{invoice}", "303 /invoices/1001"),
        later(ask("/l/{invoice}", "303 /l/"), days=14),
        ask("/l/", "410 expired"),
        press("200 sent", "/l/new"),
    ),
    "signing in": (
        *OPEN,
        press("303 /invoices"),
        press("303 /l/"),
        ask("/l/", "303 /invoices"),
        ask("/l/{sign_in}", "303 /l/"),
        ask("/l/", "303 /invoices"),
    ),
    "too late": (
        later(ask("/l/{sign_in}", "303 /l/"), minutes=10),
        ask("/l/", "410 expired"),
        press("200 sent", "/l/new"),
    ),
    "waiting for too long": (*OPEN, later(press("400 no-cookie"), minutes=10)),
    "asking for a link": (
        ask("/l/sign-in", "200 sign-in"),
        press("200 sent", "/l/sign-in", email=ANN),
        press("200 sent", "/l/sign-in", email="nobody@acme.example"),
        press("200 sent", "/l/sign-in", email="no address\r\nBcc: ann@acme.example"),
    ),
    "no cookie": (ask("/l/", "400 no-cookie"), post("400 no-cookie"), post("400 no-cookie", "/l/new")),
    "HEAD": (
        ask("/l/{invoice}", "303 /invoices/1001", "HEAD"),
        ask("/l/{sign_in}", "303 /l/", "HEAD"),
        ask("/l/", "400 no-cookie", "HEAD"),
        ask("/l/sign-in", "200 sign-in", "HEAD"),
        ask("/l/new", NOT_ALLOWED, "HEAD"),
        ask("/l/x", NOT_GENUINE, "HEAD"),
    ),
    "other methods": tuple(
        ask(path, NOT_ALLOWED, method, **OURS)
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
        for path in ("/l/", "/l/new", "/l/sign-in", "/l/{sign_in}")
    ),
    "a form from elsewhere": (
        *OPEN,
        press("403 elsewhere", headers={"Origin": "https://evil.example"}),
        press("403 elsewhere", headers={"Origin": "null"}),
        press("403 elsewhere", headers={"Sec-Fetch-Site": "same-site"}),
        press("403 elsewhere", headers={**OURS, "Sec-Fetch-Site": "cross-site"}),
        press("303 /invoices", headers={}),
    ),
    "a form of nobody's": (
        *OPEN,
        post("403 elsewhere", headers={}),
        post("303 /l/"),
        post("403 elsewhere", "/l/new", headers={}),
        post("403 elsewhere", "/l/sign-in", headers={}, email=ANN),
    ),
    "a token elsewhere": (
        ask("/l/?token={sign_in}", NOT_GENUINE),
        ask("/l/?token=a&token=b", NOT_GENUINE),
        ask("/l/?token[]=x", NOT_GENUINE),
        ask("/l/?token=", NOT_GENUINE),
        ask("/l/{invoice}?x={invoice}", NOT_GENUINE),
        ask("/l/?x=1&x={invoice}", NOT_GENUINE),
        ask("/l/", "400 no-cookie", Authorization="Bearer {sign_in}", Cookie="token={sign_in}"),
        ask("/l/{invoice}?utm_source=mail&next=//evil.example", "303 /invoices/1001"),
    ),
    "an odd link": (
        ask("/l/{invoice}.", "303 /invoices/1001"),
        ask("/l/{invoice}..", NOT_GENUINE),
        ask("/l/{invoice}/", NOT_GENUINE),
        ask("/l//{invoice}", NOT_GENUINE),
        ask("/l//x", NOT_GENUINE),
        ask("/l/x//y", NOT_GENUINE),
        ask("/l/%2F{invoice}", NOT_GENUINE),
        ask("/l/{invoice}%00", NOT_GENUINE),
        ask("/l/{invoice}%0A", NOT_GENUINE),
        ask("/l/%0Ax", NOT_GENUINE),
        ask("/l/%2e%2e/x", NOT_GENUINE),
        ask("/l/%252e", NOT_GENUINE),
        ask("/l/%C3%A9", NOT_GENUINE),
        ask("/l/%FF%FE", NOT_GENUINE),
        ask("/l/" + "x" * 4_000, NOT_GENUINE),
    ),
    "too much": (post("413 too-large", padding="x" * 20_000), post("413 too-large", "/l/new", padding="x" * 20_000)),
}
