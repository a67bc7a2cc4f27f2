"""The links of the site for its support desk: looked at, revoked and reminded of; never made, changed or deleted here.

Everything is shown as `MagicLinks` tells of it, and done by its calls. A link itself is shown nowhere: the database has
only digests.
"""

# ruff: noqa: ARG002
# Django calls these methods, with what it has.

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from ..errors import MagicLinkError, ReissueRefusedError
from ..flows.arguments import LONGEST_TEXT
from ..records import Origin
from .admin_lists import STATES, PurposeFilter, StateFilter, matching
from .conf import adapter
from .i18n import _, ngettext
from .models import Link
from .store import DjangoStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrOrPromise, _StrPromise

    from ..events import Event
    from ..values import LinkInfo

    Column = Callable[[Link], str]
    Links = QuerySet[Link]
    ModelAdmin = admin.ModelAdmin[Link]
else:
    ModelAdmin = admin.ModelAdmin

MOST_AT_ONCE = 100
"""How many links one action is about: more is a case for `revoke_all`, or for the site's own reminders."""

MOST_EVENTS = 1_000
"""How many events of a subject are read to tell those of one link."""

ORIGINS = {Origin.ISSUE: _("issued"), Origin.REMIND: _("reminder"), Origin.RENEW: _("renewal")}

WORDS: dict[str, dict[Any, _StrPromise]] = {"state": {**STATES}, "origin": {**ORIGINS}}
"""What is written for the values of a column that has few."""


def told(link: Link) -> LinkInfo:
    """Return what `MagicLinks.inspect` tells of a row: asked once a row, so that states have one source."""
    known = vars(link)
    if "told" not in known:
        known["told"] = adapter().links.inspect(link.link_id)
    info: LinkInfo = known["told"]
    return info


def shown(value: object) -> str:
    """Write a value for a page; instants to the second and with their zone, as logs have them."""
    if isinstance(value, datetime):
        return date_format(localtime(value), "Y-m-d H:i:s T")
    return "–" if value in (None, "") else str(value)


def _column(name: str, label: _StrOrPromise) -> Column:
    @admin.display(description=label)
    def column(link: Link) -> str:
        value = getattr(told(link), name)
        return shown(WORDS.get(name, {}).get(value, value))

    column.__name__ = name
    return column


_COLUMNS = {
    name: _column(name, label)
    for name, label in {
        "link_id": _("link id"),
        "purpose": _("purpose"),
        "subject": _("subject"),
        "resource": _("resource"),
        "destination": _("destination"),
        "state": _("state"),
        "origin": _("origin"),
        "parent": _("reissued from"),
        "issued_at": _("issued"),
        "delivered_at": _("delivered"),
        "expires_at": _("expires"),
        "max_uses": _("uses allowed"),
        "uses": _("uses"),
        "first_used_at": _("first used"),
        "last_used_at": _("last used"),
        "superseded_at": _("superseded"),
        "revoked_at": _("revoked"),
        "revoke_reason": _("reason of the revocation"),
    }.items()
}

_LISTED = (
    "link_id",
    "purpose",
    "subject",
    "resource",
    "state",
    "issued_at",
    "delivered_at",
    "expires_at",
    "last_used_at",
)


@admin.register(Link)
class LinkAdmin(ModelAdmin):
    """Links, newest expiry first. Who may `view` them sees them; who may `change` them revokes and reminds."""

    list_display: tuple[Column, ...] = tuple(_COLUMNS[name] for name in _LISTED)
    list_filter: ClassVar[tuple[type[admin.ListFilter], ...]] = (PurposeFilter, StateFilter)
    list_per_page: ClassVar[int] = 50
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    sortable_by: ClassVar[tuple[str, ...]] = ()
    show_full_result_count: ClassVar[bool] = False
    # It makes the page show its search box; what is searched is said by `get_search_results`.
    search_fields: ClassVar[tuple[str, ...]] = ("subject",)
    search_help_text: ClassVar[_StrOrPromise] = _("A subject, resource, address or link id, written out.")
    fields: ClassVar[tuple[Any, ...]] = tuple(_COLUMNS.values())
    readonly_fields: ClassVar[tuple[Any, ...]] = fields
    actions: tuple[str, ...] = ("revoke", "remind")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nobody adds a link here: it would have no token."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nobody writes into a record."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nobody deletes a record: `purge` does, when nothing depends on it any more."""
        return False

    def has_desk_permission(self, request: HttpRequest) -> bool:
        """Return whether somebody may revoke and remind: `magiclink.change_link`."""
        return super().has_change_permission(request)

    def get_queryset(self, request: HttpRequest) -> Links:
        """Return the links of this site alone, from where its store has them; of another store than Django's, none."""
        flows = adapter().links.flows
        if not isinstance(flows.store, DjangoStore):
            return super().get_queryset(request).none()
        return super().get_queryset(request).using(flows.store.alias).filter(audience=flows.audience)

    def get_search_results(self, request: HttpRequest, queryset: Links, search_term: str) -> tuple[Links, bool]:
        """Return the links of what was written into the search box; it's a name, and no part of one."""
        term = search_term.strip()
        return (queryset.filter(pk__in=matching(term)) if term else queryset), False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a link, what happened to it, and what may be done."""
        context["events"] = _events(kwargs["obj"])
        context["desk"] = self.get_action_choices(request, [])
        context["action_checkbox_name"] = ACTION_CHECKBOX_NAME
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(permissions=["desk"], description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: Links) -> HttpResponse | None:
        """Withdraw links, once this has been confirmed."""
        chosen = self._chosen(request, queryset)
        reason = request.POST.get("reason")
        if not chosen or reason is None:
            return self._ask(request, chosen) if chosen else None
        done = self._each(request, chosen, lambda link: adapter().links.revoke(link.link_id, reason=reason.strip()))
        self._tell(request, done, ngettext("%d link was revoked.", "%d links were revoked.", done))
        return None

    @admin.action(permissions=["desk"], description=_("Remind"))
    def remind(self, request: HttpRequest, queryset: Links) -> None:
        """Mail fresh links to the addresses on file that the old ones went to."""
        done = self._each(request, self._chosen(request, queryset), lambda link: adapter().remind(link.link_id))
        self._tell(request, done, ngettext("%d fresh link was mailed.", "%d fresh links were mailed.", done))

    def _chosen(self, request: HttpRequest, queryset: Links) -> list[Link]:
        chosen = list(queryset[: MOST_AT_ONCE + 1])
        if len(chosen) <= MOST_AT_ONCE:
            return chosen
        self.message_user(request, _("At most %d links at once.") % MOST_AT_ONCE, messages.ERROR)
        return []

    def _each(self, request: HttpRequest, chosen: Sequence[Link], do: Callable[[Link], object]) -> int:
        """Do it for each link, tell what was refused, and give how often it was done."""
        done = 0
        for link in chosen:
            try:
                do(link)
            except MagicLinkError as error:
                why = error.reason if isinstance(error, ReissueRefusedError) else type(error).__name__
                self.message_user(request, f"{link.link_id}: {error} ({why})", messages.ERROR)
            else:
                done += 1
                self.log_change(request, link, request.POST["action"])
        return done

    def _tell(self, request: HttpRequest, done: int, message: str) -> None:
        if done:
            self.message_user(request, message % done, messages.SUCCESS)

    def _ask(self, request: HttpRequest, chosen: Sequence[Link]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Revoke links"),
            "opts": self.opts,
            "chosen": [(link.pk, told(link)) for link in chosen],
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "longest": LONGEST_TEXT,
        }
        return TemplateResponse(request, "admin/magiclink/link/revoke.html", context)


def _events(link: Link) -> list[Event]:
    """Return what happened to one link, oldest first."""
    events = adapter().links.history(subject=told(link).subject, limit=MOST_EVENTS)
    return [event for event in events if event.link_id == link.link_id]
