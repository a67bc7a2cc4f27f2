"""What the tests of Django share: a site with its accounts, one that has django-sesame too, and a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.django.desk import Desk, customer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from pytest_django import DjangoDbBlocker
    from pytest_django.fixtures import Settings

    from tests.django.sesame_site import BothSites


@pytest.fixture
def desk(settings: Settings) -> Desk:
    """Return a site that is set up as it should be, with its links in its database."""
    return Desk(settings)


@pytest.fixture
def both(settings: Settings) -> BothSites:
    """Return a site with django-sesame and ours."""
    from tests.django.sesame_site import BothSites

    return BothSites(settings)


@pytest.fixture
def ann() -> User:
    """Return a user."""
    return customer()


@pytest.fixture
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a test open databases of its own."""
    with django_db_blocker.unblock():
        yield
