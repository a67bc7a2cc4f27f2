"""By which link, and when, somebody signed in: Django's session keeps both, and the library says whether they stand.

Django ends a session by its own clock, and with a change of the password. The library knows more: a revoked link, a
changed address, a contact who left.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from magiclink import RejectedLinkError

from .links import links

if TYPE_CHECKING:
    from django.http import HttpRequest

    from magiclink import Redemption

_SIGNED_IN_BY = "signed-in-by"


def remember(request: HttpRequest, redemption: Redemption) -> None:
    """Remember in the new session which link signed somebody in."""
    request.session[_SIGNED_IN_BY] = (redemption.link_id, redemption.redeemed_at.isoformat())


def has_ended(request: HttpRequest) -> bool:
    """Return whether somebody was signed in by a link that has ended since. Raises UnavailableError."""
    if _SIGNED_IN_BY not in request.session:
        return False
    link_id, redeemed_at = request.session[_SIGNED_IN_BY]
    try:
        links.recall(link_id, redeemed_at=datetime.fromisoformat(redeemed_at))
    except RejectedLinkError:
        return True
    return False
