"""Where databases differ, and the one that is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from magiclink.django.store.dialects import dialect_of
from magiclink.errors import ConfigurationError

KNOWN = ("sqlite", "postgresql", "mysql")


@pytest.mark.parametrize("vendor", KNOWN)
def test_dialect_of_another(vendor: str) -> None:
    """Each database gets its own words."""
    assert dialect_of(SimpleNamespace(vendor=vendor)).name == vendor


def test_unknown_locks() -> None:
    """A database of which it isn't known how it locks is refused: on it two might win."""
    with pytest.raises(ConfigurationError, match="oracle"):
        dialect_of(SimpleNamespace(vendor="oracle"))


def test_words() -> None:
    """What is there stays, and nothing equals nothing, in each one's words."""
    words = [dialect_of(SimpleNamespace(vendor=vendor)) for vendor in KNOWN]
    stay = ["ON CONFLICT DO NOTHING", "ON CONFLICT DO NOTHING", "ON DUPLICATE KEY UPDATE a = a"]
    assert [each.unless_there("a") for each in words] == stay
    same = ["a IS %(b)s", "a IS NOT DISTINCT FROM %(b)s", "a <=> %(b)s"]
    assert [each.same("a", "%(b)s") for each in words] == same
