"""The Redis store among processes that race."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.services import valkey

SCRIPT = Path(__file__).with_name("processes.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
def test_race_of_processes() -> None:
    """F02: eight processes, forked with the store open, that try 200 links at once win exactly 200 times."""
    command = [sys.executable, str(SCRIPT), valkey(), f"test-{uuid4()}", "200"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
