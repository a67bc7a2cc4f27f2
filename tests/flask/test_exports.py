"""What `magiclink.flask` exports, and what it says where Flask isn't installed."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import magiclink.flask

HIDE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
try:
    import magiclink.flask
except ImportError as error:
    print(type(error).__name__, error.name, error.__cause__, error.__suppress_context__, error, sep=" | ")
"""


def test_names() -> None:
    """The package has three names, and no module of it is one."""
    assert magiclink.flask.__all__ == ["LinkManager", "link_event", "send_signal"]
    assert magiclink.flask.LinkManager.__name__ == "LinkManager"


@pytest.mark.parametrize("hidden", ["flask", "click", "blinker"])
def test_without_flask(hidden: str) -> None:
    """Without Flask, or what comes with it, the error has the command that installs it."""
    command = [sys.executable, "-c", HIDE.format(hidden=hidden)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    message = f"No module named '{hidden}': pip install 'magiclink-auth[flask]'"
    assert shown == f"ModuleNotFoundError | {hidden} | None | True | {message}\n"


def test_hidden_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds where only one module of the package finds Flask missing."""
    for name in [each for each in sys.modules if each.startswith("magiclink.flask")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'magiclink-auth\[flask\]'$"):
        import_module("magiclink.flask")
