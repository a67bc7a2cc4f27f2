"""A script names fields and is sent with slots, and its digest is the one by which the server knows it."""

from __future__ import annotations

from hashlib import sha1

import pytest
import redis

from magiclink.stores.redis import lua, scripts
from magiclink.stores.redis.lua import Script
from tests.services import valkey

SCRIPTS = {name: each for name, each in vars(scripts).items() if isinstance(each, Script)}


@pytest.mark.parametrize("name", SCRIPTS)
def test_digest_of_the_server(name: str) -> None:
    """Each script is read by the server, and known by the digest that the store sends."""
    with redis.Redis.from_url(valkey()) as client:
        assert client.execute_command("SCRIPT", "LOAD", SCRIPTS[name].text) == SCRIPTS[name].sha


def test_fields_become_slots() -> None:
    """The name of a field becomes its slot; the functions of Lua's libraries keep their names."""
    made = lua.make_script("return struct.pack(link.number, link.tail)", flags="allow-oom")
    assert made.text == b"#!lua flags=allow-oom\nreturn struct.pack(link[1], link[26])"
    assert made.sha == sha1(made.text).hexdigest().encode()


def test_field_that_scripts_do_not_see() -> None:
    """A field that only Python reads can't be named in a script: it has no slot there."""
    with pytest.raises(KeyError):
        lua.make_script("return link.destination")


def test_every_script_refuses_replicas() -> None:
    """E11, E12: every script, reading ones too, is one that writes for the server: a read-only replica refuses it."""
    assert SCRIPTS
    assert all(each.text.startswith(b"#!lua") and b"no-writes" not in each.text for each in SCRIPTS.values())
