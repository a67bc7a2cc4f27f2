"""The sites of `from-django-sesame.md`, put together from its blocks: today's, the one with both, and without sesame.

It is one project that changes as the page says, with its database, its secret key and a customer who clicks old mails.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.django import sesame_site_steps

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "from-django-sesame.md").read_text(encoding="utf-8")
STEPS = Path(sesame_site_steps.__file__)
ACCOUNT, INVOICE = "200 Account of ann", "200 Invoice 1001"
LOGIN_FORM = "200 sign-in"
_FILE = re.compile(r"^<!-- file: (\w+)/(\S+) -->\n```python\n(.*?)^```$", re.M | re.S)
_KEY = "mlk1_1_b25lIG9mIHRoZXNlIHRlc3RzLCBhbmQgb2Ygbm9uZSBlbHNl"


def stages() -> dict[str, dict[str, str]]:
    """Return the files of each stage; the last is what is left when sesame is taken out as the page says."""
    found: dict[str, dict[str, str]] = {}
    for stage, name, code in _FILE.findall(PAGE):
        found.setdefault(stage, {})[name] = code
    return {**found, "after": {name: left(code) for name, code in found["both"].items() if "sesame" not in name}}


def left(code: str) -> str:
    """Delete every line that has sesame's name in it."""
    return "".join(line for line in code.splitlines(keepends=True) if "sesame" not in line.lower())


class Project:
    """A project as `startproject` makes it, which becomes one stage of the page after another."""

    def __init__(self, folder: Path) -> None:
        call_command("startproject", "shop", folder)
        (folder / "billing").mkdir()
        self.folder = folder
        self.made = (folder / "shop" / "settings.py").read_text()

    def become(self, stage: str) -> None:
        """Write the files of a stage, the settings at the end of those that are there, and delete the other ones."""
        for old in (self.folder / "billing").glob("*.py"):
            old.unlink()
        for name, code in stages()[stage].items():
            (self.folder / name).write_text(self.made + code if name.endswith("settings.py") else code)

    def run(self, *command: str | Path, stdin: str = "") -> str:
        """Run Python in the project, where a warning is an error, and give what it writes."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(self.folder), *sys.path]),
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "MAGICLINK_KEY": _KEY,
        }
        ran = subprocess.run(
            [sys.executable, "-W", "error", *command],
            cwd=self.folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def play(self, **steps: Any) -> dict[str, list[Any]]:
        """Let the site write its mails, click links, and look at the account with sessions that began before."""
        found: dict[str, list[Any]] = json.loads(self.run(STEPS, stdin=json.dumps(steps)))
        return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project."""
    return Project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("stage", ["today", "both", "after"])
def test_site_with_a_finding(stage: str, project: Project) -> None:
    """Each of the three sites starts, and its checks find nothing."""
    project.become(stage)
    assert "no issues" in project.run("manage.py", "check")
    assert ("sesame" in "".join(stages()[stage].values()).lower()) is (stage != "after")


def test_mails_that_are_out(project: Project) -> None:
    """Old links keep working beside new ones, until sesame is taken out; ours, and who signed in by them, go on."""
    project.become("today")
    today = project.play(mail=True)
    old = today["mailed"]
    assert ["sesame=" in url for url in old] == [True, True, True]
    assert [results for results, _ in today["clicked"]] == [ACCOUNT, INVOICE, ACCOUNT]

    project.become("both")
    both = project.play(mail=True, click=old)
    new = both["mailed"]
    assert ["/l/" in url and "sesame" not in url for url in new] == [True, True, True]
    assert [results for results, _ in both["clicked"]] == [ACCOUNT, INVOICE, ACCOUNT] * 2
    sessions = [both["clicked"][place][1] for place in (0, 3)]

    project.become("after")
    after = project.play(click=[*old, *new], look=sessions)
    results = [results for results, _ in after["clicked"]]
    assert results == ["404", "403 closed", LOGIN_FORM, "410 used", INVOICE, ACCOUNT]
    assert after["looked"] == ["302 /l/sign-in?next=/account", ACCOUNT]


def test_code_of_the_page_that_nobody_runs() -> None:
    """Every block of Python on the page is a file of one of the sites."""
    assert len(_FILE.findall(PAGE)) == PAGE.count("```python")
