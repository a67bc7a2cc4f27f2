"""The tables of `from-django-sesame.md`: they name all that the installed django-sesame has, and each row is proved.

The proofs are the other files `test_from_sesame_*.py`: here it is held that nothing is left out.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sesame
from sesame import settings as sesame_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "from-django-sesame.md").read_text(encoding="utf-8")
PROOFS = sorted(Path(__file__).parent.glob("test_from_sesame_*.py"))
MODULES = sorted(f"sesame.{module.name}" for module in pkgutil.iter_modules(sesame.__path__))
HEADINGS = ["Settings", *(f"`{module}`" for module in MODULES)]
_NAME = re.compile(r"`([^`]+)`")


def rows(heading: str) -> list[tuple[list[str], str]]:
    """Return the rows of the table below a heading: what the first cell names, and what is said to differ."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [(_NAME.findall(first), last.strip()) for first, _, last in cells]


def named(module: str) -> set[str]:
    """Return all that the first column of a module's table names, without the class that it belongs to."""
    return {name.rpartition(".")[2] for names, _ in rows(f"`{module}`") for name in names}


def defined(found: Any) -> Iterator[str]:
    """Return each public name that a module of sesame's defines, and those of its classes."""
    tree = ast.parse(inspect.getsource(found))
    for each in [
        *tree.body,
        *(inner for outer in tree.body if isinstance(outer, ast.ClassDef) for inner in outer.body),
    ]:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield each.name
        elif isinstance(each, ast.Assign | ast.AnnAssign):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def options(found: Any) -> Iterator[str]:
    """Return each argument that the calls of a module take, and that has a default."""
    calls = [each for each in vars(found).values() if inspect.isfunction(each) and each.__module__ == found.__name__]
    calls += [each.authenticate for each in vars(found).values() if hasattr(each, "authenticate")]
    for call in calls:
        for name, parameter in inspect.signature(call).parameters.items():
            if parameter.default is not parameter.empty:
                yield f"{name}="


def test_setting_left_out() -> None:
    """Every setting of sesame's is in the table of settings, and none that it doesn't have."""
    results = [name for names, _ in rows("Settings") for name in names if name.startswith("SESAME_")]
    assert sorted(results) == sorted(f"SESAME_{name}" for name in sesame_settings.DEFAULTS)


@pytest.mark.parametrize("module", MODULES)
def test_name_left_out(module: str) -> None:
    """Every public name of a module and of its classes is in its table, and every option of its calls."""
    found = importlib.import_module(module)
    # What the three modules of tokens take is what `sesame.utils` hands on.
    taken = set() if module.startswith("sesame.tokens") else set(options(found))
    public = {name for name in (*defined(found), *getattr(found, "__all__", ())) if not name.startswith("_")}
    assert (public | taken) - named(module) - (set(sesame_settings.DEFAULTS)) == set()


@pytest.mark.parametrize("module", MODULES)
def test_name_that_is_not_there(module: str) -> None:
    """Nothing is told of a module that it doesn't have."""
    found = importlib.import_module(module)
    classes = [dir(each) for each in vars(found).values() if inspect.isclass(each)]
    assert named(module) - {*dir(found), *options(found)}.union(*classes) == set()


def proved() -> list[str]:
    """Return the sentences that the tests beside this file prove."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PROOFS]
    tests = [each for tree in trees for each in tree.body if isinstance(each, ast.FunctionDef)]
    return [ast.get_docstring(test) or "" for test in tests if test.name.startswith("test_")]


@pytest.mark.parametrize("heading", HEADINGS)
def test_row_without_a_proof(heading: str) -> None:
    """Each row that tells of a difference is the subject of a test, whose sentence names what the row does."""
    about = [sentence for sentence in proved() if heading == "Settings" or heading in sentence]
    subjects = {name for sentence in about for name in _NAME.findall(sentence)}
    assert [names for names, difference in rows(heading) if difference and not subjects & set(names)] == []


def test_proof_of_nothing() -> None:
    """What the tests name of sesame's is on the page: a name that was misspelt would prove no row."""
    results = {name for heading in HEADINGS for names, _ in rows(heading) for name in names}
    subjects = {name for sentence in proved() for name in _NAME.findall(sentence)}
    assert {name for name in subjects if name.startswith(("SESAME_", "LoginView", "Authentication"))} - results == set()
