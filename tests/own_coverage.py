"""Each module's own tests must cover all of it, every branch: `python tests/own_coverage.py [module …]`.

The whole suite may reach a line by accident; here each module of `src/magiclink` meets only the test files that bear
its name, in a process of its own. Prints a table, and exits with 1 where a module isn't at 100 %.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from coverage import Coverage

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "magiclink"
TESTS = ROOT / "tests"

# Modules whose tests bear another name. The contract of stores is itself tests: the store in memory runs it, and broken
# stores must fail it.
_CONTRACT = ("stores/test_memory.py", "stores/test_contract*.py", "stores/contract/test_*.py")
ELSEWHERE = {
    "stores/__init__": ("stores/test_from_url.py",),
    "django/i18n": ("django/test_admin_languages.py",),
    "django/migrations": ("django/test_migrations.py",),
    "testing/contract": _CONTRACT,
}
NAMES = {"__init__": "exports", "__main__": "main"}

OWN = ("--import-mode=importlib", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts=", "-q")


class Finding(NamedTuple):
    """What a module's own tests didn't reach; `left` is empty where they cover all of it."""

    module: str
    percent: float
    left: str
    tests: str
    seconds: float


def modules() -> list[str]:
    """Return every module that does more than import names, by its path below the package without `.py`."""
    paths = [path for path in sorted(SOURCE.rglob("*.py")) if _does_something(ast.parse(path.read_text()))]
    return [path.relative_to(SOURCE).with_suffix("").as_posix() for path in paths]


def _does_something(module: ast.Module) -> bool:
    """Return whether a module has more than a docstring, imports and `__all__`."""
    plain = (ast.Import, ast.ImportFrom)
    rest = [node for node in module.body if not isinstance(node, plain) and not ast.unparse(node).startswith("__all__")]
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in rest)


def own_tests(module: str, known: list[str]) -> list[Path]:
    """Return the test files of a module: `test_<name>.py` and `test_<name>_*.py`, unless a longer name claims them.

    A store's contract, processes and races, which name no module of its package, belong to its `store`.
    """
    folder, name = Path(module).parent, Path(module).name
    elsewhere = ELSEWHERE.get(module) or ELSEWHERE.get(folder.as_posix())
    if elsewhere:
        return sorted(path for pattern in elsewhere for path in TESTS.glob(pattern))
    siblings = {NAMES.get(other.name, other.name) for other in map(Path, known) if other.parent == folder}
    name = NAMES.get(name, name)
    files = sorted((TESTS / folder).glob("test_*.py"))
    return [
        path for path in files if _bearer(path, siblings) == name or (name == "store" and not _bearer(path, siblings))
    ]


def _bearer(path: Path, names: set[str]) -> str | None:
    """Return the longest of these names that a test file bears, or None."""
    borne = [name for name in names if f"{path.stem}_".startswith(f"test_{name}_")]
    return max(borne, key=len, default=None)


def examine(tests: tuple[Path, ...], measured: list[str]) -> list[Finding]:
    """Run some test files under coverage, and return what they left of their modules."""
    started = monotonic()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        measure = ("-m", "coverage", "run", "--branch", "--parallel-mode", f"--data-file={data}")
        command = (sys.executable, *measure, "-m", "pytest", *OWN, *map(str, tests))
        ran = subprocess.run(command, capture_output=True, text=True, env=_environment())
        if ran.returncode:
            output = (ran.stdout + ran.stderr).strip()[-2_000:]
            return [Finding(module, 0.0, f"its tests failed:\n{output}", "", 0.0) for module in measured]
        files = _report(data)
    took = monotonic() - started
    first = tests[0].relative_to(TESTS).as_posix()
    names = first if len(tests) == 1 else f"{first} and {len(tests) - 1} more"
    return [_finding(module, files.get(f"src/magiclink/{module}.py"), names, took) for module in measured]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}


def _report(data: Path) -> dict[str, Any]:
    coverage = Coverage(data_file=str(data), config_file=str(ROOT / "pyproject.toml"))
    coverage.combine([str(data.parent)])
    report = data.with_suffix(".json")
    coverage.json_report(outfile=str(report))
    return dict(json.loads(report.read_text())["files"])


def _finding(module: str, measured: dict[str, Any] | None, tests: str, seconds: float) -> Finding:
    if measured is None:
        return Finding(module, 0.0, "never imported", tests, seconds)
    lines = [str(line) for line in measured["missing_lines"]]
    branches = [f"{start}->{'exit' if end < 0 else end}" for start, end in measured["missing_branches"]]
    return Finding(module, measured["summary"]["percent_covered"], " ".join(lines + branches), tests, seconds)


def findings(chosen: list[str]) -> list[Finding]:
    """Examine modules, those with the same tests together, two runs at a time."""
    known = modules()
    groups: dict[tuple[Path, ...], list[str]] = defaultdict(list)
    for module in chosen or known:
        groups[tuple(own_tests(module, known))].append(module)
    orphans = [Finding(module, 0.0, "no test file bears its name", "", 0.0) for module in groups.pop((), [])]
    with ThreadPoolExecutor(2) as runs:
        found = runs.map(lambda group: examine(*group), groups.items())
        return sorted(orphans + [finding for each in found for finding in each])


def main(chosen: list[str]) -> int:
    """Print what was found; 0 where every module is covered by its own tests."""
    # Both tools find their configuration, and name files, from here.
    os.chdir(ROOT)
    found = findings(chosen)
    width = max(len(finding.module) for finding in found)
    for finding in found:
        verdict = finding.left or f"{finding.tests} ({finding.seconds:.0f} s)"
        print(f"{finding.module:{width}}  {int(finding.percent):3} %  {verdict}")
    short = [finding for finding in found if finding.left]
    print(f"\n{len(found) - len(short)} of {len(found)} modules are covered by their own tests.")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
