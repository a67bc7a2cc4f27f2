"""The Django store: links in the app's own database, on the connection that Django has for it.

For SQLite, PostgreSQL, MariaDB and MySQL. Inside `transaction.atomic` what is issued, delivered, revoked or purged goes
with the block, so that an invoice and its link are both there or neither; a link is never redeemed there, since a
rollback would hand out a login that the database has forgotten. `stores/sql/` has the text.
"""

from __future__ import annotations

from ...stores.sql.store import SQLStore
from .connections import AppDatabase


class DjangoStore(SQLStore):
    """A store in a database of the Django project, whose tables `manage.py migrate` makes.

    `using` is a database's name in DATABASES; without it the project's routers say where links are written, and they
    are read there too. It may be made before Django's apps are ready, and asks nothing until its first call; `check`
    tests the tables. A call raises ConfigurationError where Django or the database can't serve it at all: also for
    redeeming inside `transaction.atomic`.
    """

    def __init__(self, using: str | None = None) -> None:
        self._database: AppDatabase = AppDatabase(using)

    @property
    def alias(self) -> str:
        """The name of the database in DATABASES. Raises ConfigurationError before Django is set up."""
        return self._database.alias

    def check(self) -> None:
        self._database.require_newest()
        super().check()
