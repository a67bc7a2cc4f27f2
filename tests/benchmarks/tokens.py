"""T1–T3, the token part: what it costs to make, open and refuse a token.

A peer that isn't installed is a row that says so.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from magiclink.crypto.keys import Key, KeyRing, derive_contexts
from magiclink.crypto.tokens import Tokens

from .pairs import Row, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .pairs import Call, Measures

PURPOSES = ("sign-in", "invoice", "client-portal", "confirm-email", "set-password")
SITE = "https://billing.example"
EXPIRES_AT = 4_000_000_000_000_000
# What our token proves as well: a purpose, an id of 20 bytes, an audience and an expiry.
PAYLOAD = {"purpose": "invoice", "id": os.urandom(20).hex()}
CLAIMS = PAYLOAD | {"aud": SITE, "exp": EXPIRES_AT // 1_000_000}
SECRET = os.urandom(32)
MESSAGE = os.urandom(40)
# Few calls a turn: shorter than a scheduler's slice, so that the median escapes other work on the machine.
ROUNDS, CALLS = 500, 100

ROOM = Tokens(KeyRing(signing=Key.generate()), SITE, derive_contexts(PURPOSES, SITE))
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
    # One process has one Django: the settings are those of the tests' site, for all benchmarks.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django.settings")
    import_module("django").setup()
    import_module("django.conf").settings.SESAME_MAX_AGE = 1_000
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


def opening() -> Iterator[Row]:
    """What a genuine token costs."""
    if ROOM.open(TOKEN) is None or ROOM.open(FORGED) is not None:
        raise AssertionError("the room doesn't open its own token, or opens a forgery")
    make = partial(ROOM.make, "invoice", expires_at=EXPIRES_AT)
    yield Row("T1", "open a token / hmac.digest", "≤", 1.7, ratio(OPEN, UNIT, rounds=ROUNDS, calls=CALLS))
    yield Row("T1", "make a token / hmac.digest", "≤", 1.6, ratio(make, UNIT, rounds=ROUNDS, calls=CALLS))


def peers() -> Iterator[Row]:
    """What others take to do the same."""
    for name, target, make in PEERS:
        found, why = None, ""
        try:
            found = ratio(make(), OPEN, rounds=ROUNDS, calls=CALLS)
        except ImportError as error:
            why = f"not installed ({error.name})"
        yield Row("T2", f"{name} / open a token", "≥", target, found, why)


def refusing() -> Iterator[Row]:
    """What a token costs that isn't genuine, before anybody is told."""
    for what, text, target in (("a forgery", FORGED, 2.5), ("1 MB", LONG, 1.0)):
        found = ratio(partial(ROOM.open, text), UNIT, rounds=ROUNDS, calls=CALLS)
        yield Row("T3", f"refuse {what}, token part / hmac.digest", "≤", target, found)


MEASURES: Measures = (("T1", opening), ("T2", peers), ("T3", refusing))
