"""The SQLAlchemy store: links in the app's own database, on the app's own engine, beside the app's tables.

For PostgreSQL, MariaDB, MySQL and SQLite. Each call is a transaction of its own and is committed when it returns: the
app's sessions and their transactions have no part in it. `stores/sql/` has the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import create_engine, exc

from ...errors import ConfigurationError
from ..sql.store import SQLStore
from .connections import AppEngine

if TYPE_CHECKING:
    from sqlalchemy import Engine

_PACKAGES = {"MySQLdb": "mysqlclient"}
"""What installs a driver, where it isn't called as its module is."""


class SQLAlchemyStore(SQLStore):
    """A store on an engine of the app's; with `create` it makes the tables that are missing, else a migration does.

    `dispose` closes the engine's pool with the store. Raises ConfigurationError where the engine can't be used, a table
    or column is missing, a record doesn't come back as it went in, or a transaction can't be taken back.
    """

    def __init__(self, engine: Engine, *, create: bool = False, dispose: bool = False) -> None:
        self._database: AppEngine = AppEngine(engine, create=create, dispose=dispose)
        self.check()

    @classmethod
    def from_url(cls, url: str) -> SQLAlchemyStore:
        """Open a store by SQLAlchemy's URL of a database, on an engine of its own, and make what tables are missing."""
        try:
            engine = create_engine(url, hide_parameters=True, pool_pre_ping=True)
        except exc.NoSuchModuleError:
            raise ConfigurationError(
                "SQLAlchemy knows no database of the URL's scheme: write sqlalchemy+postgresql+psycopg://…,"
                " sqlalchemy+mysql+pymysql://… or sqlalchemy+sqlite:///…"
            ) from None
        except ImportError as error:
            package = _PACKAGES.get(str(error.name), error.name)
            raise ConfigurationError(
                f"the database's driver is missing: pip install {package}, or name another one in the URL, as in"
                " sqlalchemy+mysql+pymysql://…"
            ) from None
        except (exc.ArgumentError, ValueError, TypeError):
            raise ConfigurationError(
                "SQLAlchemy can't read what follows sqlalchemy+: write dialect+driver://user:password@host/database,"
                " with % for what a URL can't hold"
            ) from None
        return cls(engine, create=True, dispose=True)

    def check(self) -> None:
        self._database.require_version()
        super().check()
