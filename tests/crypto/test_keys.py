"""Keys and rings: what is refused, what is never shown, and that every use has a key of its own."""

import base64
import copy
import hashlib
import json
import os
import pickle
import pprint
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink.crypto.keys import Key, KeyRing, decode, encode
from magiclink.errors import ConfigurationError

ONE = Key(id=1, secret=hashlib.sha256(b"one").digest())
TWO = Key(id=2, secret=hashlib.sha256(b"two").digest())

REFUSED_SECRETS = {
    "C01: an empty text": "",
    "C01: nothing": b"",
    "C01: None": None,
    "C01: a list": [],
    "C01: a list of a text": [""],
    "C02: 1 byte": os.urandom(1),
    "C02: 8 bytes": os.urandom(8),
    "C02: 15 bytes": os.urandom(15),
    "C02: 31 bytes": os.urandom(31),
    "1,025 bytes": os.urandom(1025),
    "C04: one byte": bytes(32),
    "C04: one digit": b"0" * 32,
    "C04: a word again and again": b"k3y!" * 16,
    "C04: a pattern cut short": (b"abcdefghijk" * 4)[:40],
    "C04: twice the same": os.urandom(32) * 2,
    "C04: seven different bytes": hashlib.sha256(b"x").digest().translate(bytes(n % 7 for n in range(256))),
    "C04: counted up": bytes(range(32)),
    "C04: counted down": bytes(range(255, 191, -1)),
    "C04: the alphabet": b"abcdefghijklmnopqrstuvwxyz0123456789",
    "default: Django's": b"django-insecure-4x!q8z^7w0$ktu1#m5n(2p",
    "default: change me": b"please CHANGE_ME before 1 July, or else.",
    "default: changeme": b"changeme-0123456789-abcdefghijklmnop",
    "default: a secret": b"My-Super-Secret-Key-For-This-App-42!",
    "default: a password": b"correct password battery staple horse",
    "default: an example": b"this is an EXAMPLE, make your own one",
    "C05: text": "a text of more than thirty-two letters, xyz",
    "C05: hex text": os.urandom(32).hex(),
    "C05: a key's own text": Key.generate().to_text().encode(),
    "C05: another buffer": bytearray(os.urandom(32)),
}


@pytest.mark.parametrize("secret", REFUSED_SECRETS.values(), ids=REFUSED_SECRETS.keys())
def test_weak_secret(secret: bytes) -> None:
    """C01, C02, C04, C05: what no generator made is refused when the key is built, and never shown."""
    with pytest.raises(ConfigurationError, match="python -m magiclink keygen") as caught:
        Key(secret=secret)
    assert not secret or str(secret) not in str(caught.value)


@pytest.mark.parametrize("size", [32, 33, 64, 1024])
def test_good_secret_refused(size: int) -> None:
    """C02: 32 to 1,024 random bytes make a key, and hex digits as bytes too."""
    secret = os.urandom(size)
    assert Key(id=0, secret=secret).secret == secret
    assert Key(id=255, secret=os.urandom(32).hex().encode()).id == 255


@pytest.mark.parametrize("key_id", [-1, 256, True, False, 1.0, "1", None])
def test_id_out_of_range(key_id: int) -> None:
    """An id is an integer from 0 to 255; True is no id."""
    with pytest.raises(ConfigurationError):
        Key(id=key_id, secret=ONE.secret)


def test_generated_twice() -> None:
    """Two generated keys differ, carry the id that was asked for, and have 32 bytes."""
    one, other = Key.generate(), Key.generate(id=7)
    assert (one.id, other.id, len(one.secret), len(other.secret)) == (1, 7, 32, 32)
    assert one.secret != other.secret


@given(st.integers(0, 255), st.integers(32, 100))
def test_key_lost_in_its_text(key_id: int, size: int) -> None:
    """A key's text gives the key again, whatever its id and length."""
    key = Key(id=key_id, secret=hashlib.shake_256(bytes([size])).digest(size))
    read = Key.from_text(key.to_text())
    assert (read.id, read.secret) == (key.id, key.secret)
    assert re.fullmatch(rf"mlk1_{key_id}_[A-Za-z0-9_-]+", key.to_text())


TEXT = Key(id=1, secret=b"\xff\xfe" + ONE.secret[:30]).to_text()
REFUSED_TEXTS: dict[str, Any] = {
    "C01: nothing": "",
    "C01: None": None,
    "C01: a list": [],
    "C05: bytes": TEXT.encode(),
    "C05: hex": ONE.secret.hex(),
    "C05: bare base64": TEXT.removeprefix("mlk1_1_"),
    "C06: a newline after": TEXT + "\n",
    "C06: a space before": " " + TEXT,
    "C06: a line break of Windows": TEXT + "\r\n",
    "padding": TEXT + "=",
    "standard base64": "mlk1_1_" + base64.b64encode(Key.from_text(TEXT).secret).decode().rstrip("="),
    "a spare bit set": TEXT[:-1] + chr(ord(TEXT[-1]) + 1),
    "a length that no bytes have": TEXT + "AA",
    "another version": "mlk2" + TEXT[4:],
    "capitals": TEXT.upper(),
    "an id of two spellings": TEXT.replace("_1_", "_01_"),
    "an id above 255": TEXT.replace("_1_", "_256_"),
    "an id of four digits": TEXT.replace("_1_", "_1000_"),
    "a negative id": TEXT.replace("_1_", "_-1_"),
    "no id": TEXT.replace("_1_", "__"),
    "an id in full-width digits": TEXT.replace("_1_", "_１_"),
    "a short secret": "mlk1_1_" + encode(os.urandom(31)),
    "a long secret": "mlk1_1_" + encode(os.urandom(1025)),
    "a secret of zeros": "mlk1_1_" + encode(bytes(32)),
    "half of a pair": TEXT[:-1] + "\ud800",
}


@pytest.mark.parametrize("text", REFUSED_TEXTS.values(), ids=REFUSED_TEXTS.keys())
def test_text_of_another_form(text: str) -> None:
    """C01, C05, C06: a key's text is read exactly; the refusal doesn't repeat it."""
    with pytest.raises(ConfigurationError) as caught:
        KeyRing.from_text(text)
    assert TEXT[7:20] not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", [None, ""])
def test_no_key_in_the_environment(text: Any) -> None:
    """P06: a missing environment variable is named, with the command that makes a key."""
    wanted = f"no key: got {text!r}. Is MAGICLINK_KEY set? Make one with `python -m magiclink keygen`"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(wanted)}$"):
        KeyRing.from_text(text)


@pytest.mark.parametrize(
    ("build", "arguments", "given"),
    [
        (KeyRing.from_text, {"signing": "short"}, "5 characters"),
        (KeyRing.from_text, {"signing": 5}, "int"),
        (Key, {"secret": bytes(31)}, "31"),
        (Key, {"secret": "x" * 32}, "str"),
        (Key, {"id": 256, "secret": os.urandom(32)}, "the int 256"),
        (Key, {"id": "1", "secret": os.urandom(32)}, "a str"),
        (Key, {"id": 10**18, "secret": os.urandom(32)}, "an int"),
        (KeyRing, {"signing": "mlk1_…"}, "a str"),
        (KeyRing, {"signing": ONE, "retired": [None]}, "None"),
        (KeyRing, {"signing": ONE, "retired": TWO}, "a Key"),
        (KeyRing.from_file, {"signing": "no-such-file"}, r"can't be read \(FileNotFoundError\)"),
    ],
)
def test_what_was_given_for_a_key(build: Any, arguments: dict[str, Any], given: str) -> None:
    """The message says what was given by its type, length or id, never the text or the secret itself."""
    with pytest.raises(ConfigurationError, match=rf"wanted .*got {given}\b|{given}: wanted"):
        build(**arguments)


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "%r".__mod__, pprint.pformat])
def test_secret_in_a_repr(shown: Callable[[object], str]) -> None:
    """M01: no way of showing a key or a ring shows a secret; the ids are shown."""
    for value in (ONE, KeyRing(signing=TWO, retired=(ONE,))):
        assert "Key(id=1)" in shown(value)
        assert ONE.secret.hex() not in shown(value)
        assert repr(ONE.secret)[2:-1] not in shown(value)
    with pytest.raises(TypeError):
        vars(ONE)


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
@pytest.mark.parametrize("value", [ONE, {"key": ONE}, KeyRing(signing=ONE)], ids=["key", "dict", "ring"])
def test_pickled_key(leave: Callable[[object], object], value: object) -> None:
    """M02: a key goes into no pickle and no copy, by itself or within anything that is walked through."""
    if leave is copy.copy and value is not ONE:
        assert copy.copy(value) is not None
        return
    with pytest.raises(TypeError):
        leave(value)


def test_changed_key() -> None:
    """A key and a ring are frozen."""
    with pytest.raises(FrozenInstanceError):
        ONE.id = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        KeyRing(signing=ONE).signing = TWO  # type: ignore[misc]


def test_two_keys_with_one_id() -> None:
    """C10: two keys with one id are refused, and so is one secret under two ids, at any place of the ring."""
    same_id, same_secret = Key.generate(id=1), Key(id=3, secret=ONE.secret)
    for signing, *retired in (
        [ONE, same_id],
        [TWO, ONE, same_id],
        [ONE, ONE],
        [ONE, same_secret],
        [TWO, ONE, same_secret],
    ):
        with pytest.raises(ConfigurationError, match="one id or one secret"):
            KeyRing(signing=signing, retired=tuple(retired))


NO_RINGS: list[Any] = [
    (None, ()), ("", ()), ([], ()), (ONE.secret, ()), (ONE.to_text(), ()),
    (ONE, None), (ONE, {TWO: 1}), (ONE, "retired"), (ONE, TWO), (ONE, (None,)), (ONE, (TWO.to_text(),)),
]  # fmt: skip


@pytest.mark.parametrize(("signing", "retired"), NO_RINGS)
def test_ring_of_something_else(signing: Key, retired: tuple[Key, ...]) -> None:
    """C01: a ring takes keys, and a tuple or list of them; anything else is refused when it is built."""
    with pytest.raises(ConfigurationError):
        KeyRing(signing=signing, retired=retired)


def test_list_of_retired_keys() -> None:
    """A list of retired keys is taken as it is now: what is appended to it later is no key of the ring."""
    retired = [ONE]
    ring = KeyRing(signing=TWO, retired=retired)
    retired.append(TWO)
    assert ring.retired == (ONE,)


def test_order_of_keys() -> None:
    """C11: the signing key is named; the order of the retired ones changes nothing but the iteration's."""
    three = Key.generate(id=3)
    ring = KeyRing.from_text(TWO.to_text(), three.to_text(), ONE.to_text())
    assert [key.id for key in ring] == [2, 3, 1]
    assert ring.signing.secret == TWO.secret
    assert [found and found.secret for found in map(ring.find, (1, 2, 3, 4))] == [
        ONE.secret,
        TWO.secret,
        three.secret,
        None,
    ]


def test_file_with_a_newline(tmp_path: Path) -> None:
    """C06: a key file has one final newline or none."""
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text(TWO.to_text() + "\n")
    old.write_text(ONE.to_text())
    assert [key.secret for key in KeyRing.from_file(new, str(old))] == [TWO.secret, ONE.secret]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n", b" \n", b"\n ", b"\0", b"\xff", "é".encode()])
def test_file_with_more(tmp_path: Path, end: bytes) -> None:
    """C06: nothing else is stripped from a file, and the message shows nothing of it."""
    path = tmp_path / "key"
    path.write_bytes(ONE.to_text().encode() + end)
    with pytest.raises(ConfigurationError) as caught:
        KeyRing.from_file(path)
    assert ONE.to_text()[7:15] not in repr(caught.value)
    # A UnicodeDecodeError holds the whole file; no traceback leads to it.
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("path", ["no-such-file", "", None, "a\0b", 5, b"key"])
def test_file_that_cannot_be_read(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """C01: a missing file, a folder and a path that is none are ConfigurationError."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError):
        KeyRing.from_file(path)


@given(st.binary(max_size=80))
def test_bytes_lost_in_base64(data: bytes) -> None:
    """Bytes come back from their spelling."""
    assert decode(encode(data)) == data


@given(st.text(alphabet="AQgwZz09-_+/=\n ", max_size=8) | st.text(max_size=8))
def test_second_spelling(text: str) -> None:
    """A14–A17: what is read is what would be written; every other text is None and raises nothing."""
    data = decode(text)
    assert data is None or encode(data) == text


def test_cryptography_loaded_by_a_ring() -> None:
    """Building a ring loads neither cryptography nor itsdangerous: only what derives does."""
    code = (
        "import sys; from magiclink.crypto.keys import *; ring = KeyRing(signing=Key.generate()); "
        "derive_contexts(['invoice'], 'a'); Digester(ring, 'a'); "
        "print([name for name in ('cryptography', 'itsdangerous') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
