"""`import magiclink` costs next to nothing, and every name is loaded when it is first used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import magiclink

HEAVY = {"itsdangerous", "cryptography", "argon2", "sqlite3", "flask", "django", "asyncio", "email"}


def run(program: str) -> str:
    """Run a program in a fresh interpreter, and give what it prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy() -> None:
    """`import magiclink` loads no framework, driver or cryptography, and no other module of the library."""
    loaded = set(run("import magiclink, sys; print(*sys.modules)").split())
    assert not {name.split(".")[0] for name in loaded} & HEAVY
    assert {name for name in loaded if name.startswith("magiclink")} == {"magiclink"}


@pytest.mark.parametrize("name", magiclink.__all__)
def test_each_name_alone(name: str) -> None:
    """Each name resolves, is remembered, and is the object of the module that it comes from."""
    value = getattr(magiclink, name)
    assert vars(magiclink)[name] is value
    module = getattr(value, "__module__", None)
    assert module is None or module.startswith("magiclink.")


def test_names_in_a_fresh_interpreter() -> None:
    """Every name can be imported, and none of them loads cryptography, a driver or a framework."""
    program = "from magiclink import *; import magiclink, sys; assert all(n in globals() for n in magiclink.__all__)"
    loaded = {name.split(".")[0] for name in run(program + "; print(*sys.modules)").split()}
    assert not loaded & HEAVY


def test_names_for_type_checkers() -> None:
    """What type checkers see is what is loaded: the same names, from the same modules."""
    tree = ast.parse(Path(magiclink.__file__).read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in ast.walk(guarded)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen) == sorted(magiclink.__all__)
    modules = {name: magiclink._MODULE_OF.get(name, "errors") for name in magiclink.__all__}
    assert modules == seen


def test_all_is_in_order() -> None:
    """No name stands twice."""
    assert len(set(magiclink.__all__)) == len(magiclink.__all__)


def test_unknown_name() -> None:
    """An unknown name is AttributeError as of any module, and loads nothing."""
    with pytest.raises(AttributeError, match="no attribute 'MagicLink'"):
        magiclink.MagicLink  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError):
        from magiclink import nothing  # type: ignore[attr-defined]  # noqa: F401


def test_dir() -> None:
    """dir() lists every name before any was asked for."""
    assert set(magiclink.__all__) <= set(dir(magiclink))
    listed = run("import magiclink; print(*dir(magiclink))").split()
    assert set(magiclink.__all__) <= set(listed)
    assert "__version__" in listed
