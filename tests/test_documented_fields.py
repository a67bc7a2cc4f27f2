"""Editors show what stands under a field: each public field of the values that cross the API says what it holds."""

from __future__ import annotations

import ast
from inspect import cleandoc
from pathlib import Path

import pytest

import magiclink
from magiclink.crypto.tokens import Genuine
from magiclink.decisions import Plan
from magiclink.events import Event, Kind
from magiclink.policy import Policy
from magiclink.records import Note, Record, Terms
from magiclink.rules import Deviation
from magiclink.values import Link, LinkInfo, Order, Preview, Redemption
from magiclink.web import Account

SOURCE = Path(magiclink.__file__).parent


def read_class(kind: type) -> ast.ClassDef:
    """Return the definition of a class of the library."""
    path = SOURCE.joinpath(*kind.__module__.split(".")[1:]).with_suffix(".py")
    body = ast.parse(path.read_text()).body
    return next(node for node in body if isinstance(node, ast.ClassDef) and node.name == kind.__name__)


def read_fields(kind: type) -> dict[str, tuple[str, str]]:
    """Return each public field's annotation, and the docstring under it or an empty text."""
    body = read_class(kind).body
    found = {}
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_":
            documented = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            text = following.value.value if documented else ""  # type: ignore[union-attr]
            found[node.target.id] = ast.unparse(node.annotation), str(text)
    return found


@pytest.mark.parametrize(
    "kind", [Link, LinkInfo, Redemption, Preview, Order, Event, Record, Plan, Account, Policy, Deviation]
)
def test_field_without_a_docstring(kind: type) -> None:
    """Each field has a docstring under it, a sentence; where it may be None, the docstring says what None means."""
    fields = read_fields(kind)
    assert fields
    for name, (annotation, text) in fields.items():
        assert text.endswith((".", ")")), name
        assert "None" not in annotation or "None" in text, name


@pytest.mark.parametrize("kind", [Genuine, Terms, Note])
def test_readable_fields(kind: type) -> None:
    """The reader of this test finds the fields of every kind of class that the library has."""
    assert list(read_fields(kind)) == list(kind.__annotations__)


def test_kind_without_a_reason() -> None:
    """The table beside Event names kinds that there are, and says what a reason of each other is."""
    table = [line.strip("| ").split(" | ") for line in cleandoc(Event.__doc__ or "").splitlines() if line[:2] == "| "]
    named = {row[0].strip("`") for row in table if row[0].startswith("`") and len(row) == 2}
    assert named <= {str(kind) for kind in Kind}
    assert ["all others", "empty"] in table
    assert named == {"revoked", "refused", "superseded", "purged"}
