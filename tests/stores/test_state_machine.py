"""Every keeper gives the model's answers, in whatever order it is asked, on whatever clocks (hypothesis).

A quick run is part of the suite; a long one is

    MAGICLINK_TEST_EXAMPLES=2000 MAGICLINK_TEST_STEPS=80 pytest -n0 tests/stores/test_state_machine.py
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from unittest import TestCase

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import delete

from magiclink.stores.sqlalchemy import SQLAlchemyStore, metadata
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing import StoreMachine
from tests.stores.sqlalchemy_engines import new_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from magiclink.stores.base import Store

PROFILE = settings(
    max_examples=int(os.environ.get("MAGICLINK_TEST_EXAMPLES", "30")),
    stateful_step_count=int(os.environ.get("MAGICLINK_TEST_STEPS", "30")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
