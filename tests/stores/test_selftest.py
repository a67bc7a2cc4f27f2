"""The self-test of every store: the samples hold what is known to get lost, and a change is found."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from magiclink.errors import ConfigurationError
from magiclink.stores.base import LARGEST
from magiclink.stores.memory import MemoryStore
from magiclink.stores.selftest import SAMPLE, SAMPLES, check_same

KEPT = SAMPLE._replace(number=1, generation=0)


def test_sound_store() -> None:
    """A store that keeps the contract gives every sample back, each as the first of its series."""
    store = MemoryStore()
    for sample in SAMPLES:
        store.add([sample], now=0, renamed={})
        check_same(sample, store.get(sample.audience, sample.link_id))


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": SAMPLE.purpose.strip()},
        {"subject": unicodedata.normalize("NFC", SAMPLE.subject)},
        {"subject": SAMPLE.subject[:-1]},
        {"audience": SAMPLE.audience.lower()},
        {"destination": "/" * 1_999},
        {"resource": None},
        {"stamp": b""},
        {"recipient": b""},
        {"series": b"\x7f" * 16},
        {"renewals": 2**31 - 1},
        {"series_started_at": -LARGEST + 1},
        {"expires_at": 2**31 - 1},
        {"number": 2},
        {"generation": None},
    ],
    ids=str,
)
def test_record_that_is_changed(changed: dict[str, Any]) -> None:
    """E25: text that is trimmed, folded, normalised or cut, bytes that go, integers that are rounded: each is found."""
    assert KEPT._replace(**changed) != KEPT
    [name] = changed
    with pytest.raises(ConfigurationError, match=f"a record came back with another {name}$"):
        check_same(SAMPLE, KEPT._replace(**changed))


def test_record_that_is_lost() -> None:
    """A sample that isn't there is found, too."""
    with pytest.raises(ConfigurationError, match="doesn't find it again"):
        check_same(SAMPLE, None)


def test_audiences_that_a_collation_takes_for_one() -> None:
    """E25: the audiences of the samples are one where case, accents and final spaces are ignored."""
    folded = {unicodedata.normalize("NFD", each.audience.casefold()).replace("\u0301", "").rstrip() for each in SAMPLES}
    assert (len(folded), len({each.audience for each in SAMPLES})) == (1, len(SAMPLES))
    assert len({each.link_id for each in SAMPLES}) == 1
