"""Which links the support desk sees: by purpose, by state, and by what somebody writes into the search box.

A name is looked up as `MagicLinks.find` does, exactly; part of a name finds nothing. States are told by the database
for every link at once, and restate `State` and what a policy has tightened since.
"""

# ruff: noqa: ARG002
# Django calls these methods, with what it has.

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from ..errors import BadArgumentError
from ..flows.core import parse_link_id
from ..instants import to_micros, to_span
from ..records import State
from ..stores.sql.encoding import make_key
from .conf import adapter
from .i18n import _
from .models import Link, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.functional import _StrOrPromise

    from ..policy import Policy

    Links = QuerySet[Link]

MOST_FOUND = 500
"""How many links of a subject, a resource or an address the search box finds: the newest."""

STATES = {
    State.OUTSTANDING: _("outstanding"),
    State.USED: _("used"),
    State.EXPIRED: _("expired"),
    State.SUPERSEDED: _("superseded"),
    State.REVOKED: _("revoked"),
}


class PurposeFilter(admin.SimpleListFilter):
    """By what a link is for, one of the purposes of the site's policies."""

    title: _StrOrPromise = _("purpose")
    parameter_name: str = "purpose"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the purposes."""
        return [(purpose, purpose) for purpose in adapter().links.flows.policies]

    def queryset(self, request: HttpRequest, queryset: Links) -> Links:
        """Leave those of the chosen one."""
        return queryset if self.value() is None else queryset.filter(purpose=self.value())


class StateFilter(admin.SimpleListFilter):
    """By what can be said of a link now."""

    title: _StrOrPromise = _("state")
    parameter_name: str = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, _StrOrPromise]]:
        """Return the states."""
        return STATES.items()

    def queryset(self, request: HttpRequest, queryset: Links) -> Links:
        """Leave those of the chosen one."""
        if self.value() is None:
            return queryset
        flows = adapter().links.flows
        return in_state(queryset, str(self.value()), policies=flows.policies.values(), now=to_micros(flows.now()))


def in_state(links: Links, state: str, *, policies: Iterable[Policy], now: int) -> Links:
    """Leave the links that are in a state at an instant (microseconds), each under today's policy."""
    used, expired = Q(uses__gte=F("max_uses")), Q(expires_at__lte=now)
    for policy in policies:
        expired |= Q(purpose=policy.purpose, issued_at__lte=now - to_span(policy.lifetime))
        if policy.max_uses is not None:
            used |= Q(purpose=policy.purpose, uses__gte=policy.max_uses)
    return links.alias(
        state=Case(
            When(Q(revoked_at__isnull=False) | _subject_revoked(), then=Value(State.REVOKED)),
            When(superseded_at__isnull=False, then=Value(State.SUPERSEDED)),
            When(used, then=Value(State.USED)),
            When(expired, then=Value(State.EXPIRED)),
            default=Value(State.OUTSTANDING),
        )
    ).filter(state=state)


def matching(term: str) -> list[str]:
    """Return the keys of the links of a subject, a resource or an address, or of the one with this link id.

    Raises UnavailableError.
    """
    links = adapter().links
    found = {raw for raw in [parse_link_id(term)] if raw is not None}
    finds = (partial(links.find, subject=term), partial(links.find, resource=term), partial(links.find, recipient=term))
    for find in finds:
        # What can't be such a name is no such name.
        with suppress(BadArgumentError):
            found |= {bytes.fromhex(info.link_id) for info in find(limit=MOST_FOUND)}
    return [make_key(links.flows.audience, raw) for raw in found]


def _subject_revoked() -> Exists:
    subject = Subject._default_manager.filter(audience=OuterRef("audience"), subject=OuterRef("subject"))
    return Exists(subject.filter(generation__gt=OuterRef("generation")))
