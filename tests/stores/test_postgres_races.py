"""Races on PostgreSQL under every isolation level, over threads and over processes.

Twenty rounds each; `MAGICLINK_TEST_ROUNDS=200 python -m pytest tests/stores/test_postgres_races.py` runs two hundred.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stores.postgres_places import LEVELS, Place

ROUNDS = os.environ.get("MAGICLINK_TEST_ROUNDS", "20")
RACES = Path(__file__).with_name("postgres_processes.py")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["threads", "processes", "fifty", "flood", "inherited"])
def test_race_that_has_two_winners(name: str, level: str) -> None:
    """F01, F02, F04, F09: what the functions of `postgres_processes.py` say, in each of their rounds."""
    with Place(default_transaction_isolation=level) as place:
        command = [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            str(RACES),
            name,
            place.url,
            place.schema,
            ROUNDS,
        ]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60 + int(ROUNDS) * 5)
    assert ran.returncode == 0, ran.stderr
