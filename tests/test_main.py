"""`python -m magiclink`, as a process of its own."""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import magiclink
from magiclink import KeyRing, __version__

APP = """
import os
from datetime import timedelta
from magiclink import INVOICE, KeyRing, MagicLinks
from magiclink.stores.sqlite import SQLiteStore

links = MagicLinks(keys=KeyRing.from_text(os.environ["MAGICLINK_KEY"]), store=SQLiteStore("links.db"),
                   policies=[INVOICE], base_url="https://billing.example/l/")
"""


def run(*arguments: str, cwd: Path, key: str = "", option: str = "-B") -> subprocess.CompletedProcess[str]:
    """Run it, with the installed package and nothing else on the path but the folder."""
    environment = {"PYTHONPATH": str(Path(magiclink.__file__).parent.parent)} | ({"MAGICLINK_KEY": key} if key else {})
    command = [sys.executable, option, "-m", "magiclink", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)


def test_keygen(tmp_path: Path) -> None:
    """It prints one key, which a ring takes as it is, and nothing else."""
    made = run("keygen", "--id", "7", cwd=tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    assert KeyRing.from_text(made.stdout.removesuffix("\n")).signing.id == 7


def test_version(tmp_path: Path) -> None:
    """It prints its version."""
    assert run("--version", cwd=tmp_path).stdout == f"magiclink {__version__}\n"


@pytest.mark.parametrize("option", ["-B", "-P"])
def test_links_of_an_app(tmp_path: Path, option: str) -> None:
    """`--links module:name` finds the app in the folder in which one stands; as a script too, which hasn't it (-P)."""
    (tmp_path / "billing.py").write_text(APP)
    key = run("keygen", cwd=tmp_path).stdout.strip()
    ran = run("--links", "billing:links", "history", "--subject", "ann", cwd=tmp_path, key=key, option=option)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    purged = run("--links", "billing:links", "purge", "--keep-days", "365", cwd=tmp_path, key=key, option=option)
    assert (purged.returncode, purged.stdout) == (0, "links forgotten: 0\n")


def test_app_that_fails(tmp_path: Path) -> None:
    """An app that can't be imported is exit status 2 and a sentence with the kind of trouble, not its text."""
    (tmp_path / "billing.py").write_text("raise RuntimeError('the password is swordfish')")
    failed = run("--links", "billing:links", "history", "--subject", "ann", cwd=tmp_path)
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].endswith(
        "can't import billing:links: RuntimeError; wanted package.module:name"
    )
    assert "swordfish" not in failed.stderr
    assert "Traceback" not in failed.stderr


def test_exit_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The process ends with the command's own status; importing the module alone runs nothing."""
    monkeypatch.setattr(sys, "argv", ["magiclink", "keygen"])
    importlib.import_module("magiclink.__main__")
    assert capsys.readouterr().out == ""
    monkeypatch.delitem(sys.modules, "magiclink.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("magiclink", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("mlk1_1_")
