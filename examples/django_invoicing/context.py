"""What every template may show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from ..story.books import SUPPLIER

if TYPE_CHECKING:
    from django.http import HttpRequest


def supplier(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001  # Django gives it
    """Return the supplier's name, and the time for a demonstration."""
    return {"supplier": SUPPLIER, "is_demonstration": settings.IS_DEMONSTRATION, "now": settings.CLOCK.now()}
