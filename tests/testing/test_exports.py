"""`magiclink.testing` loads each name when it is first used, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

import magiclink.testing

SCRIPT = """
import sys
from magiclink.testing import FrozenClock
loaded = [name for name in ("pytest", "magiclink.testing.contract", "magiclink.testing.outbox", "magiclink.web")
          if name in sys.modules]
from magiclink.testing import StoreContract
loaded += [name for name in ("pytest", "magiclink.web") if name in sys.modules]
sys.exit(" ".join(loaded) or 0)
"""


def test_every_name() -> None:
    """Every name of `__all__` is there, under its own name."""
    assert [getattr(magiclink.testing, name).__name__ for name in dir(magiclink.testing)] == magiclink.testing.__all__


def test_unknown_name() -> None:
    """Any other name is an AttributeError that says so."""
    with pytest.raises(AttributeError, match="has no attribute 'MeltedClock'"):
        _ = magiclink.testing.MeltedClock  # type: ignore[attr-defined]


def test_machine_without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hypothesis isn't installed, the machine's name says how to install it."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    for name in ("machine", "machine_draws"):
        monkeypatch.delitem(sys.modules, f"magiclink.testing.{name}", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"^StoreMachine needs hypothesis: pip install hypothesis$") as raised:
        _ = magiclink.testing.StoreMachine
    assert raised.value.name == "hypothesis"


def test_another_module_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """That another module is missing is told as Python tells it."""
    monkeypatch.setitem(sys.modules, "magiclink.testing.clock", None)
    with pytest.raises(ModuleNotFoundError, match=r"magiclink\.testing\.clock"):
        _ = magiclink.testing.FrozenClock


def test_names_load_themselves_only() -> None:
    """A clock needs no contract, and the contract needs neither pytest nor the web conversation."""
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
