"""What `django.md` shows, put together as a project and run: its files, its checks and its own tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from magiclink.django import conf

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = (Path(__file__).parents[2] / "docs" / "django.md").read_text(encoding="utf-8")
_FILE = re.compile(r"^<!-- file: (\S+) -->\n```python\n(.*?)^```$", re.M | re.S)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a new project, as `startproject` makes it, with what the page shows at the end of each file."""
    call_command("startproject", "shop", tmp_path)
    (tmp_path / "billing").mkdir()
    (tmp_path / "billing" / "__init__.py").touch()
    for name, code in _FILE.findall(PAGE):
        with (tmp_path / name).open("a") as file:
            file.write(code)
    return tmp_path


def manage(project: Path, key: str, *arguments: str) -> str:
    """Run a command of the project, where a warning is an error, and give all that it says."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "MAGICLINK_KEY": key}
    command = [sys.executable, "-W", "error", "manage.py", *arguments]
    ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_page_that_does_not_run(project: Path) -> None:
    """The files of the page are a project without a finding, whose tests pass."""
    key = subprocess.run(
        [sys.executable, "-m", "magiclink", "keygen"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert "no issues" in manage(project, key, "check")
    assert "No changes" in manage(project, key, "makemigrations", "--check", "--dry-run")
    assert re.search(r"Ran 2 tests.*OK", manage(project, key, "test"), re.S)


def test_code_of_the_page_that_nobody_runs() -> None:
    """Every block of Python on the page is in one of the files."""
    assert len(_FILE.findall(PAGE)) == PAGE.count("```python")


def table(first: str) -> Sequence[str]:
    """Return the first cells of a table's rows, each name in backticks."""
    rows = PAGE.split(f"| {first} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_key_left_out() -> None:
    """The table of keys has every key of `MAGICLINK`, and no other."""
    assert sorted(table("key")) == sorted(["LINKS", *conf.DEFAULTS])
