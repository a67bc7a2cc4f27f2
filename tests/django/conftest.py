"""What the tests of Django's adapter stand on: a site, one that has django-sesame as well, and a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.django.desk import Desk, customer
from tests.django.sesame_site import BothSites

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django.fixtures import Settings


@pytest.fixture
def desk(settings: Settings) -> Desk:
    """Return a site that is set up as it should be, whose links are in its database."""
    return Desk(settings)


@pytest.fixture
def both(settings: Settings) -> BothSites:
    """Return a site with django-sesame and magiclink."""
    return BothSites(settings)


@pytest.fixture
def ann() -> User:
    """Return a customer of the site, who has no password."""
    return customer()
