"""The core's front: one class with every flow."""

from __future__ import annotations

from inspect import iscoroutinefunction

from magiclink import flows
from magiclink.links import MagicLinks


def test_exports() -> None:
    """`magiclink.flows` gives Flows alone."""
    assert flows.__all__ == ["Flows"]


def test_flows_of_the_api() -> None:
    """Every call of the API is a flow."""
    public = {name for name in vars(MagicLinks) if not name.startswith("_")}
    assert all(iscoroutinefunction(getattr(flows.Flows, name)) for name in public)
