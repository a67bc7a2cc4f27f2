"""The link policies of this app, one constant a purpose: the `git log` of this file is their audit trail."""

from __future__ import annotations

from magiclink import INVOICE, SIGN_IN

__all__ = ["INVOICE", "POLICIES", "SIGN_IN"]

POLICIES = (INVOICE, SIGN_IN)
