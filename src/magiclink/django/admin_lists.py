"""Which links the admin lists: by purpose, by state, and by the search box.

A name is looked up exactly, by `MagicLinks.find`; part of a name finds nothing. The database computes the states of all
links at once, by the same rules as `State` and with what a policy has tightened since.
"""

# ruff: noqa: ARG002
# Django calls these methods, with arguments that some of them ignore.

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from ..errors import BadArgumentError
from ..flows.arguments import parse_link_id
from ..instants import to_span
from ..records import State
from ..stores.sql.encoding import make_key
from .conf import adapter
from .i18n import _
from .models import Link, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest
    from django.utils.functional import _StrOrPromise

    from ..policy import Policy

    Links = QuerySet[Link]

MOST_FOUND = 500
"""How many links of one subject, resource or address the search box finds: the newest ones."""

STATES = {
    State.OUTSTANDING: _("outstanding"),
    State.USED: _("used"),
    State.EXPIRED: _("expired"),
    State.SUPERSEDED: _("superseded"),
    State.REVOKED: _("revoked"),
}


class PurposeFilter(admin.SimpleListFilter):
    """Filters by one of the purposes of the site's policies."""

    title: _StrOrPromise = _("purpose")
    parameter_name: str = "purpose"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the purposes, each with its label."""
        return [(purpose, purpose) for purpose in adapter().links.flows.policies]

    def queryset(self, request: HttpRequest, queryset: Links) -> Links:
        """Return the links of the chosen one; all where none is chosen."""
        return queryset if self.value() is None else queryset.filter(purpose=self.value())


class StateFilter(admin.SimpleListFilter):
    """Filters by the state that a link is in now."""

    title: _StrOrPromise = _("state")
    parameter_name: str = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, _StrOrPromise]]:
        """Return the states, each with its label."""
        return STATES.items()

    def queryset(self, request: HttpRequest, queryset: Links) -> Links:
        """Return the links of the chosen one; all where none is chosen."""
        if self.value() is None:
            return queryset
        flows = adapter().links.flows
        return filter_state(queryset, str(self.value()), policies=flows.policies.values(), now=flows.read_clock())


def filter_state(links: Links, state: str, *, policies: Iterable[Policy], now: int) -> Links:
    """Return the links that are in a state at an instant (microseconds), each under today's policy."""
    subject = Subject._default_manager.filter(audience=OuterRef("audience"), subject=OuterRef("subject"))
    revoked = Q(revoked_at__isnull=False) | Exists(subject.filter(generation__gt=OuterRef("generation")))
    used, expired = Q(uses__gte=F("max_uses")), Q(expires_at__lte=now)
    for policy in policies:
        expired |= Q(purpose=policy.purpose, issued_at__lte=now - to_span(policy.lifetime))
        if policy.max_uses is not None:
            used |= Q(purpose=policy.purpose, uses__gte=policy.max_uses)
    return links.alias(
        state=Case(
            When(revoked, then=Value(State.REVOKED)),
            When(superseded_at__isnull=False, then=Value(State.SUPERSEDED)),
            When(used, then=Value(State.USED)),
            When(expired, then=Value(State.EXPIRED)),
            default=Value(State.OUTSTANDING),
        )
    ).filter(state=state)


def search(term: str) -> list[str]:
    """Return the primary keys of the links of a subject, resource or address, and of the link with this id.

    Raises UnavailableError.
    """
    links = adapter().links
    found = {raw for raw in [parse_link_id(term)] if raw is not None}
    for find in (
        partial(links.find, subject=term),
        partial(links.find, resource=term),
        partial(links.find, recipient=term),
    ):
        # A term that is no address, say, finds nothing as one.
        with suppress(BadArgumentError):
            found |= {bytes.fromhex(info.link_id) for info in find(limit=MOST_FOUND)}
    return [make_key(links.flows.audience, raw) for raw in found]
