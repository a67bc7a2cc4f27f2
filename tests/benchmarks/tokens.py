"""T1–T3, the token part: what it costs to make, open and refuse a token, as ratios.

Run it from the repository's root: `python tests/benchmarks/tokens.py [rounds]`. Each row is measured in turn with what
it is compared to (A B A B …) and shows the median of the ratios of one round, so that a machine that slows down slows
both. No part of the test suite: a test never fails on a clock. A peer that isn't installed is a row that says so.
"""

import base64
import hashlib
import hmac
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from time import perf_counter

from cryptography.fernet import Fernet
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from magiclink.crypto.keys import Key, KeyRing, contexts
from magiclink.crypto.tokens import Tokens

Call = Callable[[], object]
PURPOSES = ("sign-in", "invoice", "client-portal", "confirm-email", "set-password")
SITE = "https://billing.example"
EXPIRES_AT = 4_000_000_000_000_000
# What our token proves as well: a purpose, an id of 20 bytes, an audience and an expiry.
PAYLOAD = {"purpose": "invoice", "id": os.urandom(20).hex()}
CLAIMS = PAYLOAD | {"aud": SITE, "exp": EXPIRES_AT // 1_000_000}
SECRET = os.urandom(32)
MESSAGE = os.urandom(40)
# Few calls a turn: shorter than a scheduler's slice, so that the median escapes other work on the machine.
CALLS = 100

ROOM = Tokens(KeyRing(signing=Key.generate()), SITE, contexts(PURPOSES, SITE))
TOKEN, _ = ROOM.make("invoice", expires_at=EXPIRES_AT)
FORGED = ("B" if TOKEN[20] == "A" else "A").join((TOKEN[:20], TOKEN[21:]))
LONG = "A" * 1_000_000


UNIT: Call = partial(hmac.digest, SECRET, MESSAGE, "sha256")
OPEN: Call = partial(ROOM.open, TOKEN)


def serializer() -> Call:
    """itsdangerous: a timed JSON payload."""
    peer = URLSafeTimedSerializer(SECRET, salt="invoice", signer_kwargs={"digest_method": hashlib.sha256})
    text = peer.dumps(PAYLOAD)
    return partial(peer.loads, text, max_age=1_000)


def timestamp_signer() -> Call:
    """itsdangerous: a timed text."""
    peer = TimestampSigner(SECRET, salt="invoice", digest_method=hashlib.sha256)
    text = peer.sign(PAYLOAD["id"])
    return partial(peer.unsign, text, max_age=1_000)


def sesame() -> Call:
    """django-sesame: its parse alone, with a user that is there already."""
    django, settings = import_module("django"), import_module("django.conf").settings
    apps = ["django.contrib.auth", "django.contrib.contenttypes"]
    settings.configure(SECRET_KEY=SECRET.hex(), INSTALLED_APPS=apps, SESAME_MAX_AGE=1_000, USE_TZ=True)
    django.setup()
    room = import_module("sesame.tokens_v2")
    user = import_module("django.contrib.auth.models").User(
        pk=7, username="customer-7", password="pbkdf2_sha256$1$salt$" + "h" * 44
    )
    text = room.create_token(user, scope="invoice")
    return partial(room.parse_token, text, lambda _: user, scope="invoice")


def pyjwt() -> Call:
    """PyJWT: HS256 with an audience and an expiry."""
    jwt = import_module("jwt")
    text = jwt.encode(CLAIMS, SECRET, algorithm="HS256")
    return partial(jwt.decode, text, SECRET, algorithms=["HS256"], audience=SITE)


def fernet() -> Call:
    """cryptography: Fernet."""
    peer = Fernet(base64.urlsafe_b64encode(SECRET))
    text = peer.encrypt(PAYLOAD["id"].encode())
    return partial(peer.decrypt, text, ttl=1_000)


def joserfc() -> Call:
    """joserfc: HS256, its claims read and not checked."""
    jwt = import_module("joserfc.jwt")
    key = import_module("joserfc.jwk").OctKey.import_key(SECRET)
    text = jwt.encode({"alg": "HS256"}, CLAIMS, key)
    return partial(jwt.decode, text, key)


def paseto() -> Call:
    """pyseto: PASETO v4.local."""
    pyseto = import_module("pyseto")
    key = pyseto.Key.new(version=4, purpose="local", key=SECRET)
    text = pyseto.encode(key, PAYLOAD["id"].encode())
    return partial(pyseto.decode, key, text)


def magic_link() -> Call:
    """magic-link: the digest that it looks up and the signature that it checks, without its store."""
    peer = import_module("magic_link.token_engine").TokenEngine(SECRET.hex())
    made = peer.issue("customer-7")
    later = datetime.now(UTC) + timedelta(days=1)

    def check() -> object:
        peer.hash_token(made.token)
        return peer.verify(
            made.token, subject="customer-7", signature=made.signature, issued_at=made.issued_at, expires_at=later
        )

    return check


# Row, target (how many times faster than it `open` is, at least), maker.
PEERS: list[tuple[str, float, Callable[[], Call]]] = [
    ("URLSafeTimedSerializer, sha256", 5.0, serializer),
    ("TimestampSigner, sha256", 2.3, timestamp_signer),
    ("django-sesame's parse", 1.3, sesame),
    ("PyJWT, HS256", 12.0, pyjwt),
    ("Fernet", 1.0, fernet),
    ("joserfc, HS256", 1.0, joserfc),
    ("pyseto, v4.local", 1.0, paseto),
    ("magic-link 1.0, verify", 1.0, magic_link),
]


def seconds(call: Call, calls: int = CALLS) -> float:
    """Time some calls."""
    start = perf_counter()
    for _ in range(calls):
        call()
    return perf_counter() - start


def ratio(one: Call, other: Call, rounds: int) -> float:
    """Give the median over rounds of what one costs in the time of the other, in turns."""
    return statistics.median(seconds(one) / seconds(other) for _ in range(rounds))


def rows(rounds: int) -> Iterator[tuple[str, str, str, str]]:
    """Measure row by row: number, what, target, ratio."""
    bare: list[tuple[str, str, float, Call]] = [
        ("T1", "open a token / hmac.digest", 1.7, OPEN),
        ("T1", "make a token / hmac.digest", 1.6, partial(ROOM.make, "invoice", expires_at=EXPIRES_AT)),
        ("T3", "refuse a forgery, token part / hmac.digest", 2.5, partial(ROOM.open, FORGED)),
        ("T3", "refuse 1 MB, token part / hmac.digest", 1.0, partial(ROOM.open, LONG)),
    ]
    for number, what, target, call in bare:
        yield number, what, f"≤ {target}", f"{ratio(call, UNIT, rounds):.2f}"
    for name, target, make in PEERS:
        try:
            found = f"{ratio(make(), OPEN, rounds):.2f}"
        except ImportError as error:
            found = f"not installed ({error.name})"
        yield "T2", f"{name} / open a token", f"≥ {target}", found


def main() -> None:
    """Print the table."""
    if ROOM.open(TOKEN) is None or ROOM.open(FORGED) is not None:
        raise SystemExit("the room doesn't open its own token, or opens a forgery")
    print(f"{'':4}{'what':46}{'target':>8}  ratio")
    for number, what, target, found in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 500):
        print(f"{number:4}{what:46}{target:>8}  {found}", flush=True)


if __name__ == "__main__":
    main()
