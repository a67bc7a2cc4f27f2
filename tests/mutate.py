"""Break one thing at a time and see whether a test notices: `python -m tests.mutate --every 12 [module …]`.

Each mutant is one change to one module (a comparison turned, a number raised, a statement dropped …), written into a
copy of the tree in a temporary folder, and met by that module's own tests, as `tests/own_coverage.py` pairs them. A
mutant that they pass has survived: either a test is missing, or the change makes no difference.

Left alone: type annotations, docstrings, what only a type checker reads, and texts with a blank in them, which people
read and which decide nothing. Not part of the suite: it takes minutes to hours.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from tests.own_coverage import OWN, ROOT, modules, own_tests

if TYPE_CHECKING:
    from collections.abc import Iterator

DECIDING = ("policy", "rules", "decisions", "records", "crypto/", "flows/")
"""The modules that decide something, by the beginnings of their names."""

_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", ".coverage*")

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
PLAIN = (ast.Name, ast.Attribute, ast.Call, ast.Await, ast.NamedExpr)
"""Conditions without an operator to turn: they are negated."""


class Change(NamedTuple):
    """One change: this node's text, in bytes of the source from `start` to `end`, becomes another."""

    line: int
    column: int
    start: int
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{' '.join(self.old.split())}  →  {self.new}"


class Outcome(NamedTuple):
    """What became of one mutant: killed, timed out, or survived."""

    module: str
    change: Change
    verdict: str


def changes(source: str) -> list[Change]:
    """List every change to a module's text, from its first line to its last."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, becomes in _sites(ast.parse(source)):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        found.append(Change(node.lineno, node.col_offset + 1, start, end, source.encode()[start:end].decode(), becomes))
    return sorted(found)


def _sites(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    for node in _walk(tree):
        if isinstance(node, ast.If | ast.While | ast.IfExp) and isinstance(node.test, PLAIN):
            yield node.test, f"(not {ast.unparse(node.test)})"
        if isinstance(node, ast.stmt):
            yield from ((node, becomes) for becomes in _statements(node))
        elif isinstance(node, ast.expr):
            yield from ((node, f"({ast.unparse(becomes)})") for becomes in _expressions(node))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, but not into what decides nothing: annotations, docstrings, f-strings, imports for type checkers."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _decides_nothing(child):
                yield child
                yield from _walk(child)


def _decides_nothing(node: ast.AST) -> bool:
    match node:
        # Python 3.11 gives an f-string's parts no position of their own.
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def _statements(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Expr() | ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Continue() | ast.Break():
            yield "pass"
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield "return None"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                turned = [*node.ops[:index], COMPARED[type(operator)](), *node.ops[index + 1 :]]
                yield ast.Compare(node.left, turned, node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for index in range(len(node.values)):
                rest = [*node.values[:index], *node.values[index + 1 :]]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.IfExp():
            yield ast.IfExp(node.test, node.orelse, node.body)
        case ast.BinOp() if type(node.op) in COUNTED:
            yield ast.BinOp(node.left, COUNTED[type(node.op)](), node.right)
        case ast.Constant(value=bool() | int() | str() | bytes() as value) if _decides(value):
            yield ast.Constant(_change(value))


def _decides(value: bool | int | str | bytes) -> bool:
    return not (isinstance(value, str) and " " in value)


def _change(value: bool | int | str | bytes) -> bool | int | str | bytes:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"{value}x" if isinstance(value, str) else value + b"x"


class Bench:
    """A copy of the tree in which one module at a time is broken; each worker has its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        shutil.copytree(ROOT, folder, ignore=_NOT_COPIED, dirs_exist_ok=True)
        # Two mutants of one length, in one second, would share compiled code.
        self._environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        self._environment.pop("PYTEST_ADDOPTS", None)

    def path(self, module: str) -> Path:
        """Return the file of a module in this copy; the tree itself may change while a long run goes on."""
        return self.root / "src" / "magiclink" / f"{module}.py"

    def run(self, module: str, source: bytes, tests: list[Path], limit: float) -> str:
        """Run a module's own tests on another text of it, and put the old one back."""
        path = self.path(module)
        old = path.read_bytes()
        path.write_bytes(source)
        try:
            return self._run([str(test.relative_to(ROOT)) for test in tests], limit)
        finally:
            path.write_bytes(old)

    def _run(self, tests: list[str], limit: float) -> str:
        command = (sys.executable, "-m", "pytest", "-x", *OWN, *tests)
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            command, cwd=self.root, env=self._environment, stdout=quiet, stderr=quiet, start_new_session=True
        ) as running:
            try:
                return "survived" if running.wait(limit) == 0 else "killed"
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                return "timed out"


class Target(NamedTuple):
    """A module with its text, its own tests, and the seconds that a mutant of it may take."""

    module: str
    source: bytes
    tests: list[Path]
    limit: float

    def mutant(self, change: Change) -> bytes:
        """Return the module's text with one change."""
        return self.source[: change.start] + change.new.encode() + self.source[change.end :]


def prepare(bench: Bench, module: str, tests: list[Path]) -> Target:
    """Run a module's tests on itself, which must pass, and on nothing at all, which must fail."""
    source = bench.path(module).read_bytes()
    started = monotonic()
    whole = bench.run(module, source, tests, 600)
    target = Target(module, source, tests, 10 + 5 * (monotonic() - started))
    if (whole, bench.run(module, b"", tests, 600)) != ("survived", "killed"):
        raise SystemExit(f"{module}: its own tests must pass as it is, and fail without it")
    return target


def hunt(chosen: list[str], every: int, start: int, workers: int) -> Iterator[tuple[str, int, list[Outcome]]]:
    """Return for each module how many changes it has, and what became of those that were tried."""
    known = modules()
    own = {name: own_tests(name, known) for name in chosen or known if chosen or name.startswith(DECIDING)}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as runs:
        free: SimpleQueue[Bench] = SimpleQueue()
        for number in range(workers):
            free.put(Bench(Path(folder) / str(number)))

        def run(target: Target, change: Change) -> Outcome:
            bench = free.get()
            try:
                verdict = bench.run(target.module, target.mutant(change), target.tests, target.limit)
            finally:
                free.put(bench)
            return Outcome(target.module, change, verdict)

        for module, tests in own.items():
            bench = free.get()
            target = prepare(bench, module, tests)
            free.put(bench)
            found = changes(target.source.decode())
            tried = found[start::every]
            yield module, len(found), list(runs.map(run, [target] * len(tried), tried))


def write_row(module: str, count: int, outcomes: list[Outcome]) -> str:
    """Write a module's row of the table, and below it the mutants that survived."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    row = (count, verdicts.total(), verdicts["killed"], verdicts["timed out"], verdicts["survived"])
    alive = [each for each in outcomes if each.verdict == "survived"]
    survivors = [f"    {each.module}.py:{each.change.line}:{each.change.column}  {each.change}" for each in alive]
    return "\n".join([f"| `{module}` | {' | '.join(map(str, row))} |", *survivors])


def main(arguments: list[str]) -> None:
    """Print a table of the modules with every mutant that survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__.splitlines()[0])
    parser.add_argument(
        "modules", nargs="*", help="such as policy or flows/redeeming; all that decide, if none is named"
    )
    parser.add_argument("--every", type=int, default=1, help="try one change of so many")
    parser.add_argument("--start", type=int, default=0, help="begin at this change: another sample")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args(arguments)
    print("| module | changes | tried | killed | timed out | survived |\n|---|---|---|---|---|---|")
    for module, count, outcomes in hunt(chosen.modules, chosen.every, chosen.start, chosen.workers):
        print(write_row(module, count, outcomes), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
