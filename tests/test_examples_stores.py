"""The invoicing example's tour on each store that machines share: by its one URL, and nothing else changes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from tests.services import new_schema, postgres
from tests.stores.redis.servers import free_port, serving
from tests.stores.sqlalchemy.engines import STORES, new_database

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
TOUR = [sys.executable, "-m", "examples.invoicing", "tour", "--store"]
TOKEN = re.compile(r"[A-Za-z0-9_-]{60}")


@pytest.fixture
def database() -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database."""
    name = new_schema()
    parts = {**conninfo_to_dict(postgres()), "dbname": name}
    with psycopg.connect(postgres(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield URL.create("postgresql", query={part: str(value) for part, value in parts.items()}).render_as_string()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an empty Valkey that listens on TCP."""
    port = free_port()
    with serving(tmp_path_factory) as begin:
        begin(port=str(port), bind="127.0.0.1")
        yield f"redis://127.0.0.1:{port}/0"


def tour(url: str) -> list[str]:
    """Take the tour, and give its lines without the ids of links; those of one instant are in no certain order."""
    ran = subprocess.run([*TOUR, url], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert TOKEN.search(ran.stdout) is None
    return sorted(re.sub("…[0-9a-f]{6}", "<link id>", ran.stdout).splitlines())


@pytest.fixture(scope="module")
def in_a_file(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what the tour tells on the default store."""
    return tour(f"sqlite:///{tmp_path_factory.mktemp('tour')}/links.db")


def test_tour_on_postgresql(database: str, in_a_file: list[str]) -> None:
    """On `postgresql://` the tour tells what it tells on a file."""
    assert tour(database) == in_a_file


def test_tour_on_valkey(server: str, in_a_file: list[str]) -> None:
    """On `redis://` the tour tells what it tells on a file."""
    assert tour(server) == in_a_file


@pytest.mark.parametrize("store_name", STORES)
def test_tour_on_sqlalchemy(store_name: str, tmp_path: Path, in_a_file: list[str]) -> None:
    """On `sqlalchemy+…://` the tour tells what it tells on a file."""
    with new_database(store_name, tmp_path) as url:
        assert tour(f"sqlalchemy+{url.render_as_string(hide_password=False)}") == in_a_file
