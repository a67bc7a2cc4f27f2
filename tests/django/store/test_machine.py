"""The Django store gives the model's answers, in whatever order it is asked, on whatever clocks.

MAGICLINK_TEST_EXAMPLES=2000 MAGICLINK_TEST_STEPS=80 pytest -n0 tests/django/store/test_machine.py -k sqlite
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis.stateful import run_state_machine_as_test

from magiclink.django.store import DjangoStore
from magiclink.testing.machine import StoreMachine
from tests.django.databases import STORES, database, empty
from tests.stores.test_state_machine import PROFILE

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import DjangoDbBlocker


@pytest.mark.parametrize("store_name", STORES)
def test_any_order_of_calls(store_name: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> None:
    """No order of calls, and no clock, brings the store to another answer than the model's, or to other links."""
    with django_db_blocker.unblock(), database(store_name, tmp_path) as alias:

        class Machine(StoreMachine):
            def make_store(self) -> DjangoStore:
                empty(alias)
                return DjangoStore(using=alias)

        run_state_machine_as_test(Machine, settings=PROFILE)
