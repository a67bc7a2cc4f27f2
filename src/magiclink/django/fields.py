"""The one kind of column that Django lacks: text that every database compares byte for byte.

No case folding, no trimming of final spaces, no normalising, whatever collation the database has of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from ..stores.sql.dialects import find_collation

if TYPE_CHECKING:
    Characters = models.CharField[Any, Any]
else:
    Characters = models.CharField


class ExactTextField(Characters):
    """A CharField that is compared byte for byte; SQLite does so by itself."""

    def db_type(self, connection: Any) -> str | None:
        """Return the column's type."""
        if connection.vendor == "postgresql":
            # The long name of varchar: for the short one Django makes a second index, which the collation "C" spares.
            return f"character varying({self.max_length})"
        own: str | None = super().db_type(connection)
        return own

    def db_parameters(self, connection: Any) -> Any:
        """Return the column's type and the collation that compares bytes."""
        return super().db_parameters(connection) | {"collation": _collation(connection)}


def _collation(connection: Any) -> str | None:
    is_mariadb = connection.vendor == "mysql" and connection.mysql_is_mariadb
    return find_collation(connection.vendor, is_mariadb=is_mariadb)
