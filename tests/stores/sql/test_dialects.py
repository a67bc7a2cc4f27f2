"""Where databases differ, and the one that is refused."""

from __future__ import annotations

import pytest

from magiclink.errors import ConfigurationError
from magiclink.stores.sql.dialects import find_collation, find_dialect

KNOWN = ("sqlite", "postgresql", "mysql")


@pytest.mark.parametrize("vendor", KNOWN)
def test_dialect_of_another(vendor: str) -> None:
    """Each database gets its own words."""
    assert find_dialect(vendor).name == vendor


def test_unknown_locks() -> None:
    """A database of which it isn't known how it locks is refused: on it two might win."""
    with pytest.raises(ConfigurationError, match="oracle"):
        find_dialect("oracle")


def test_words() -> None:
    """What is there stays, and nothing equals nothing, in each one's words."""
    words = [find_dialect(vendor) for vendor in KNOWN]
    stay = ["ON CONFLICT DO NOTHING", "ON CONFLICT DO NOTHING", "ON DUPLICATE KEY UPDATE a = a"]
    assert [each.ignore_conflict("a") for each in words] == stay
    same = ["a IS %(b)s", "a IS NOT DISTINCT FROM %(b)s", "a <=> %(b)s"]
    assert [each.match("a", "%(b)s") for each in words] == same


def test_name_of_mariadb() -> None:
    """SQLAlchemy calls MariaDB by its own name; it has the words of MySQL."""
    assert find_dialect("mariadb") is find_dialect("mysql")


def test_word_of_the_language() -> None:
    """A column that is called as a word of the language is quoted as each database wants it."""
    assert [find_dialect(vendor).quote_name("key") for vendor in KNOWN] == ["`key`", '"key"', "`key`"]


@pytest.mark.parametrize(
    ("name", "is_mariadb", "collation"),
    [
        ("mysql", True, "utf8mb4_nopad_bin"),
        ("mariadb", True, "utf8mb4_nopad_bin"),
        ("mysql", False, "utf8mb4_0900_bin"),
        ("postgresql", False, "C"),
        ("sqlite", False, None),
    ],
)
def test_padding_on_mysql(name: str, is_mariadb: bool, collation: str | None) -> None:
    """MySQL and MariaDB have a collation each that pads nothing; SQLite compares bytes by itself."""
    assert find_collation(name, is_mariadb=is_mariadb) == collation
