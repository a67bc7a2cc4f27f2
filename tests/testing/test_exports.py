"""`magiclink.testing` loads each name when it is first used, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

import magiclink.testing

ASKED = """
import sys
from magiclink.testing import FrozenClock
loaded = [name for name in ("pytest", "magiclink.testing.contract", "magiclink.testing.outbox", "magiclink.web")
          if name in sys.modules]
from magiclink.testing import StoreContract
loaded += [name for name in ("pytest", "magiclink.web") if name in sys.modules]
sys.exit(" ".join(loaded) or 0)
"""


def test_every_name() -> None:
    """Every name that is offered is there, under its own name."""
    assert [getattr(magiclink.testing, name).__name__ for name in dir(magiclink.testing)] == magiclink.testing.__all__


def test_unknown_name() -> None:
    """A name that isn't offered is an AttributeError that says so."""
    with pytest.raises(AttributeError, match="has no attribute 'MeltedClock'"):
        _ = magiclink.testing.MeltedClock  # type: ignore[attr-defined]


def test_names_load_themselves_only() -> None:
    """A clock needs no contract, and the contract needs neither pytest nor the web conversation."""
    ran = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
