"""The SQLAlchemy store, in the app's own database on its own engine: extra `sqlalchemy`."""

from __future__ import annotations

from .schema import metadata
from .store import SQLAlchemyStore

__all__ = ["SQLAlchemyStore", "metadata"]
