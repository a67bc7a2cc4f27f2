"""Races of the Django store over threads and processes: SQLite as Django opens it, PostgreSQL under every level.

Twenty rounds each; `MAGICLINK_TEST_ROUNDS=200 python -m pytest tests/django/store/test_races.py` runs two hundred.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg import IsolationLevel

from tests.services import postgres

ROUNDS = os.environ.get("MAGICLINK_TEST_ROUNDS", "20")
RACES = Path(__file__).with_name("processes.py")
GROUNDS = [("sqlite", "DELETE"), ("sqlite", "WAL")]
GROUNDS += [("postgresql", str(level.value)) for level in IsolationLevel if level.name != "READ_UNCOMMITTED"]


@pytest.mark.parametrize(("store_name", "level"), GROUNDS)
def test_race_that_has_two_winners(store_name: str, level: str) -> None:
    """F01, F02, F04: what the races of `store_processes.py` say, in each of their rounds."""
    # The tree of this file, and this process' own places: the library may be a copy.
    places = os.pathsep.join(filter(None, [str(RACES.parents[3]), *sys.path]))
    environment = {**os.environ, "PYTHONPATH": places}
    if store_name == "postgresql":
        # One server for all.
        environment["MAGICLINK_TEST_POSTGRES"] = postgres()
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(RACES), store_name, ROUNDS, level]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120 + int(ROUNDS) * 10, env=environment)
    assert ran.returncode == 0, ran.stderr
