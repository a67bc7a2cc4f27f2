"""What `magiclink.web` exports: each name is loaded when it is first used, and no framework ever."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import magiclink.web

FRAMEWORKS = {"flask", "werkzeug", "jinja2", "blinker", "click", "django", "starlette"}


def loaded_by(program: str) -> set[str]:
    """Run a program in a fresh interpreter, and return the modules that it loaded."""
    finished = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(finished.stdout.split())


@pytest.mark.parametrize("name", magiclink.web.__all__)
def test_each_name(name: str) -> None:
    """Each name is there, and is the object of the module that it comes from."""
    value = getattr(magiclink.web, name)
    assert value.__name__ == name
    assert value.__module__ == f"magiclink.web.{magiclink.web._MODULE_OF[name]}"


def test_names_that_are_offered() -> None:
    """What `dir` shows is what there is, in order."""
    assert dir(magiclink.web) == sorted(magiclink.web._MODULE_OF)
    assert set(magiclink.web.__all__) == set(magiclink.web._MODULE_OF)


def test_unknown_name() -> None:
    """A name that isn't offered is an AttributeError that says so."""
    with pytest.raises(AttributeError, match="has no attribute 'Adapter'"):
        _ = magiclink.web.Adapter  # type: ignore[attr-defined, unused-ignore]


def test_names_for_type_checkers() -> None:
    """What type checkers see is what is loaded: the same names, from the same modules."""
    tree = ast.parse(Path(magiclink.web.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in ast.walk(guarded)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == magiclink.web._MODULE_OF


def test_frameworks() -> None:
    """All of the conversation loads no framework; the Flask adapter alone loads Flask."""
    everything = loaded_by("from magiclink.web import *")
    assert not {name.split(".")[0] for name in everything} & FRAMEWORKS
    assert "magiclink.web.conversation" in everything
    assert "flask" in loaded_by("import magiclink.flask")


def test_what_is_not_needed() -> None:
    """An app that only sends mails loads no conversation, and one that only converses no mail server's client."""
    mailing = loaded_by("from magiclink.web import FolderMailer, SMTPMailer, compose")
    assert "magiclink.web.conversation" not in mailing
    conversing = loaded_by("from magiclink.web import Account, Conversation, Request")
    assert "smtplib" not in conversing
    assert not {name for name in loaded_by("import magiclink.web") if name.startswith("magiclink.web.")}
