"""The tree of errors: as it is drawn, whole, safe to log, and able to cross processes."""

from __future__ import annotations

import ast
import copy
import pickle
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import magiclink
from magiclink import errors
from magiclink.errors import (
    BadArgumentError,
    ConfigurationError,
    InvalidLinkError,
    LimitedError,
    MagicLinkError,
    NotAdmittedError,
    PolicyError,
    ReissueRefusedError,
    RejectedLinkError,
    RevokedLinkError,
)
from magiclink.testing.contract.bench import NOW, record
from magiclink.values import LinkInfo

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
INFO = LinkInfo.from_record(record(), now=NOW)
DRAWN = re.compile(r"^(?P<branch>[│├└─ ]*)(?P<names>[A-Z]\w+Error(?:, [A-Z]\w+Error)*)")
EACH = [
    RejectedLinkError("no"),
    InvalidLinkError("no"),
    RevokedLinkError("no", reason="left us", link=INFO, at=AT),
    NotAdmittedError("no", reason="browser", link=INFO),
    ReissueRefusedError("no", reason="too_soon", retry_at=AT),
    LimitedError("no", retry_at=AT),
    BadArgumentError("no"),
    PolicyError("no", rule="lifetime", source="a standard", ways_out=("lifetime=…",)),
]


def drawn() -> dict[str, str]:
    """Read the tree out of the docstring: each error's name, and its parent's."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").split("```")[1].splitlines():
        found = DRAWN.match(line)
        if found:
            depth = len(found["branch"]) // 4
            for name in found["names"].split(", "):
                parents[name] = path[depth - 1] if depth else "Exception"
                path[depth:] = [name]
    return parents


def real() -> dict[str, str]:
    """Return the tree as Python has it."""
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    return {kind.__name__: kind.__bases__[0].__name__ for kind in kinds}


def test_tree_not_as_drawn() -> None:
    """The tree in the docstring is the real tree, to the last leaf."""
    assert drawn() == real()
    assert len(real()) == 16


def test_error_missing_from_the_package() -> None:
    """Every error can be imported from `magiclink`, and it is the same class."""
    for name in real():
        assert name in magiclink.__all__
        assert getattr(magiclink, name) is getattr(errors, name)


def test_errors_import_the_library() -> None:
    """The module of errors imports no other of the library, neither at run time nor for a type checker."""
    tree = ast.parse(Path(errors.__file__).read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in imported if node.level or (node.module or "").startswith("magiclink")] == []
    code = "import sys, magiclink.errors; print(*sorted(n for n in sys.modules if n.startswith('magiclink')))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == ["magiclink", "magiclink.errors"]


@pytest.mark.parametrize("kind", [BadArgumentError, ConfigurationError, PolicyError])
def test_callers_mistake_is_no_value_error(kind: type[Exception]) -> None:
    """What the caller did wrong is a ValueError as well; nothing else is."""
    assert issubclass(kind, ValueError)
    assert [name for name in real() if issubclass(getattr(errors, name), ValueError)] == [
        "BadArgumentError",
        "ConfigurationError",
        "PolicyError",
    ]


def test_rejection_loses_its_facts() -> None:
    """A rejection carries its link, its instant and its reason; without any it has None."""
    revoked = RevokedLinkError("revoked", reason="left us", link=INFO, at=AT)
    assert (revoked.link, revoked.at, revoked.reason) == (INFO, AT, "left us")
    refused = NotAdmittedError("no", reason="app", link=INFO)
    assert (refused.link, refused.at, refused.reason) == (INFO, None, "app")
    plain = InvalidLinkError("no")
    assert plain.link is None
    assert plain.at is None
    bare = RevokedLinkError("revoked")
    assert (bare.reason, bare.link, bare.at) == ("", None, None)
    assert NotAdmittedError("no", reason="app").link is None


def test_refusal_loses_its_facts() -> None:
    """A refused reissue and a limit say why, and from when to try again."""
    refused = ReissueRefusedError("no", reason="too_soon", retry_at=AT)
    assert (refused.reason, refused.retry_at) == ("too_soon", AT)
    assert ReissueRefusedError("no", reason="policy").retry_at is None
    assert LimitedError("no", retry_at=AT).retry_at == AT


def test_policy_error_without_its_source() -> None:
    """A broken rule's message names the rule, the source and each way out; its fields hold the same."""
    error = PolicyError("too long", rule="lifetime", source="a standard, 1.2", ways_out=["a=1", "b=2"])
    assert str(error) == "lifetime: too long\nSource: a standard, 1.2.\n- a=1\n- b=2"
    assert (error.rule, error.source, error.ways_out) == ("lifetime", "a standard, 1.2", ("a=1", "b=2"))
    assert str(PolicyError("wanted a slug", rule="purpose")) == "purpose: wanted a slug"


@pytest.mark.parametrize("error", EACH, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_error_breaks_a_pool_of_processes(error: MagicLinkError, protocol: int) -> None:
    """An error comes out of pickle and copy as it went in, with its facts: a pool of processes breaks on any other."""
    for again in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("value", "described"),
    [
        (None, "None"),
        ("", "a str"),
        (7, "the int 7"),
        (-(10**18), "an int"),
        (True, "a bool"),
        ([], "a list"),
        (AT, "a datetime"),
    ],
)
def test_value_in_a_message(value: object, described: str) -> None:
    """A message names the type of what was given, and the value of a number alone: a text may be a secret."""
    assert errors.describe_type(value) == described
