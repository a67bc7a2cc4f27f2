"""The Django store, on the site's own connection."""

from __future__ import annotations

from .store import DjangoStore

__all__ = ["DjangoStore"]
