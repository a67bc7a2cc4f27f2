"""The links of the site in the admin: staff view, revoke and remind them; nobody adds, changes or deletes one here.

Each value comes from `MagicLinks.inspect`, and each action is a call of `MagicLinks`. A link's URL is shown nowhere:
the database has digests alone.
"""

# ruff: noqa: ARG002
# Django calls these methods, with arguments that some of them ignore.

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
from . import remind as remind_link
from .admin_lists import STATES, PurposeFilter, StateFilter, search
from .conf import adapter
from .i18n import _, ngettext
from .models import Link
from .store import DjangoStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrOrPromise, _StrPromise

    from ..values import LinkInfo

    Column = Callable[[Link], str]
    Links = QuerySet[Link]
    ModelAdmin = admin.ModelAdmin[Link]
else:
    ModelAdmin = admin.ModelAdmin

MOST_AT_ONCE = 100
"""The most links of one action: for more there are `revoke_all`, and reminders by the site's own code."""

MOST_EVENTS = 1_000
"""How many events of a subject are read to find those of one link."""

LABELS: dict[str, Mapping[Any, _StrPromise]] = {
    "state": STATES,
    "origin": {Origin.ISSUE: _("issued"), Origin.REMIND: _("reminder"), Origin.RENEW: _("renewal")},
}
"""By column: the text shown for each of its values, where they are few."""


def inspect(link: Link) -> LinkInfo:
    """Return what `MagicLinks.inspect` returns for a row, so that states have one source; one query for each row."""
    if "info" not in vars(link):
        vars(link)["info"] = adapter().links.inspect(link.link_id)
    info: LinkInfo = vars(link)["info"]
    return info


def format_value(value: object) -> str:
    """Return the text of a value on a page; instants have seconds and their zone, as in logs."""
    if isinstance(value, datetime):
        return date_format(localtime(value), "Y-m-d H:i:s T")
    return "–" if value in (None, "") else str(value)


def _make_column(name: str, label: _StrOrPromise) -> Column:
    @admin.display(description=label)
    def column(link: Link) -> str:
        value = getattr(inspect(link), name)
        return format_value(LABELS.get(name, {}).get(value, value))

    column.__name__ = name
    return column


_COLUMNS = {
    name: _make_column(name, label)
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
    """Links, latest expiry first. The permission `view` shows them; `change` allows to revoke and remind."""

    list_display: tuple[Column, ...] = tuple(_COLUMNS[name] for name in _LISTED)
    list_filter: ClassVar[tuple[type[admin.ListFilter], ...]] = (PurposeFilter, StateFilter)
    list_per_page: ClassVar[int] = 50
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    sortable_by: ClassVar[tuple[str, ...]] = ()
    show_full_result_count: ClassVar[bool] = False
    # It makes Django show the search box; `get_search_results` does the search.
    search_fields: ClassVar[tuple[str, ...]] = ("subject",)
    search_help_text: ClassVar[_StrOrPromise] = _("A whole subject, resource, address or link id.")
    fields: ClassVar[tuple[Any, ...]] = tuple(_COLUMNS.values())
    readonly_fields: ClassVar[tuple[Any, ...]] = fields
    actions: tuple[str, ...] = ("revoke", "remind")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return False: a link added here would have no token."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return False: nobody writes into a record."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return False: `purge` deletes records, when nothing depends on them any more."""
        return False

    def has_desk_permission(self, request: HttpRequest) -> bool:
        """Return whether this user may revoke and remind: they have `magiclink.change_link`."""
        return super().has_change_permission(request)

    def get_queryset(self, request: HttpRequest) -> Links:
        """Return the links of this site's audience, from its store's database; none if its store isn't Django's."""
        flows = adapter().links.flows
        if not isinstance(flows.store, DjangoStore):
            return super().get_queryset(request).none()
        return super().get_queryset(request).using(flows.store.alias).filter(audience=flows.audience)

    def get_search_results(self, request: HttpRequest, queryset: Links, search_term: str) -> tuple[Links, bool]:
        """Return the links found by the search term, which is a whole name and never a part of one."""
        term = search_term.strip()
        return (queryset.filter(pk__in=search(term)) if term else queryset), False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a link, its history, and the actions that this user may take."""
        link = kwargs["obj"]
        events = adapter().links.history(subject=inspect(link).subject, limit=MOST_EVENTS)
        context["events"] = [event for event in events if event.link_id == link.link_id]
        context["desk"] = self.get_action_choices(request, [])
        context["action_checkbox_name"] = ACTION_CHECKBOX_NAME
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(permissions=["desk"], description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: Links) -> HttpResponse | None:
        """Revoke links, after a page that asks for a confirmation and a reason."""
        chosen = self._select(request, queryset)
        reason = request.POST.get("reason")
        if not chosen or reason is None:
            return self._confirm(request, chosen) if chosen else None
        done = self._apply(request, chosen, lambda link: adapter().links.revoke(link.link_id, reason=reason.strip()))
        self._report(request, done, ngettext("%d link was revoked.", "%d links were revoked.", done))
        return None

    @admin.action(permissions=["desk"], description=_("Remind"))
    def remind(self, request: HttpRequest, queryset: Links) -> None:
        """Mail fresh links to the addresses on file to which the old ones were mailed."""
        done = self._apply(request, self._select(request, queryset), lambda link: remind_link(link.link_id))
        self._report(request, done, ngettext("%d fresh link was mailed.", "%d fresh links were mailed.", done))

    def _select(self, request: HttpRequest, queryset: Links) -> list[Link]:
        chosen = list(queryset[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(request, _("At most %d links at once.") % MOST_AT_ONCE, messages.ERROR)
            chosen.clear()
        return chosen

    def _apply(self, request: HttpRequest, chosen: Sequence[Link], do: Callable[[Link], object]) -> int:
        """Call `do` for each link, show what was refused, and return how often it succeeded."""
        done = 0
        for link in chosen:
            try:
                do(link)
            except MagicLinkError as error:
                reason = f" ({error.reason})" if isinstance(error, ReissueRefusedError) else ""
                self.message_user(request, f"{link.link_id}: {error}{reason}", messages.ERROR)
            else:
                done += 1
                self.log_change(request, link, request.POST["action"])
        return done

    def _report(self, request: HttpRequest, done: int, message: str) -> None:
        if done:
            self.message_user(request, message % done, messages.SUCCESS)

    def _confirm(self, request: HttpRequest, chosen: Sequence[Link]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Revoke links"),
            "opts": self.opts,
            "chosen": [(link.pk, inspect(link)) for link in chosen],
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "longest": LONGEST_TEXT,
        }
        return TemplateResponse(request, "admin/magiclink/link/revoke.html", context)
