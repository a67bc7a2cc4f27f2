"""What only PostgreSQL is asked, under every isolation level: a flood that ends, and connections that a fork inherits.

The races of every store are in `test_races.py`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stores.locations import ROUNDS
from tests.stores.postgres.sandboxes import LEVELS, Sandbox

RACES = Path(__file__).with_name("processes.py")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["flood", "inherited"])
def test_flood_or_fork(name: str, level: str) -> None:
    """F04: what the functions of `postgres_processes.py` say, in each of their rounds."""
    with Sandbox(default_transaction_isolation=level) as sandbox:
        command = [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            str(RACES),
            name,
            sandbox.url,
            sandbox.schema,
            str(ROUNDS),
        ]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60 + ROUNDS * 5)
    assert ran.returncode == 0, ran.stderr
