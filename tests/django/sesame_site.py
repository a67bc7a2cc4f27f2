"""A site that serves django-sesame and the links side by side: for each thing of theirs that is proved, a view."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from sesame import settings as sesame_settings
from sesame.decorators import authenticate
from sesame.views import LoginView

from magiclink import INVOICE
from magiclink.django.decorators import opened_by
from magiclink.django.stamps import security_stamp
from tests.django.desk import BACKENDS, Desk
from tests.django.site import MIDDLEWARE, Visitor

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from magiclink import Link, MagicLinks, Policy, Redemption


# Other tests of this process name user models that aren't there, which sesame's own receiver doesn't survive.
setting_changed.disconnect(sesame_settings.reload)


def _reload(**changed: Any) -> None:
    with suppress(ImproperlyConfigured, NotImplementedError):
        sesame_settings.reload(**changed)


setting_changed.connect(_reload)
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
SESAME = "sesame.middleware.AuthenticationMiddleware"
_PLACE = MIDDLEWARE.index(AUTH) + 1
WITH_SESAME = [*MIDDLEWARE[:_PLACE], SESAME, *MIDDLEWARE[_PLACE:]]


class BothSites(Desk):
    """One site with both: its links have the users' security stamps, and its tokens live ten minutes."""

    def __init__(self, settings: Any, *policies: Policy, **options: Any) -> None:
        super().__init__(settings, *policies, **options)
        settings.ROOT_URLCONF = "tests.django.sesame_site"
        settings.MIDDLEWARE = MIDDLEWARE
        settings.AUTHENTICATION_BACKENDS = [*BACKENDS, "sesame.backends.ModelBackend"]
        settings.SESAME_MAX_AGE = 600
        self._settings = settings

    def made(self, *policies: Policy, **changed: Any) -> MagicLinks:
        """Make links over the same store that die with their user's password, unless told otherwise."""
        return super().made(*policies, **{"security_stamp": security_stamp, **changed})

    def use(self, links: MagicLinks) -> None:
        """Put other links into the site."""
        self.links = links
        self._settings.MAGICLINK = {**self._settings.MAGICLINK, "LINKS": links}

    def sign_in_by(self, policy: Policy, user: User, **changed: Any) -> Link:
        """Issue a link to an account, to the address on file."""
        return self.links.issue(policy, **{"subject": str(user.pk), "recipient": user.email, **changed})


def visitor() -> Visitor:
    """Open another browser."""
    return Visitor(Client(enforce_csrf_checks=True))


def home(request: HttpRequest) -> HttpResponse:
    """Say who is signed in, by the session."""
    return HttpResponse(f"signed in: {request.user}")


def theirs(request: HttpRequest, number: int) -> HttpResponse:
    """Say for whom sesame has opened an invoice."""
    return HttpResponse(f"{number} for {request.user}")


@opened_by(INVOICE, resource="invoice:{number}")
def ours(request: HttpRequest, number: int, redemption: Redemption) -> HttpResponse:
    """Say for whom a link has opened it, and who is signed in."""
    found = get_user_model().objects.get(pk=redemption.subject)
    return HttpResponse(f"{number} for {found}, signed in: {request.user}")


@opened_by(INVOICE, resource="invoice:{number}", unless=lambda request: request.user.is_authenticated)
def ours_or_signed_in(request: HttpRequest, number: int, redemption: Redemption | None) -> HttpResponse:
    """Say who sees it: whoever is signed in needs no link."""
    return HttpResponse(f"{number} for {request.user if redemption is None else redemption.subject}")


def ours_asked(request: Any, number: int) -> HttpResponse:
    """Say whether it is open, to anybody."""
    found = request.magiclink.opened(INVOICE, f"invoice:{number}")
    return HttpResponse(f"{number} for {None if found is None else found.subject}")


SCOPE = "invoice:{number}"
BY_SESAME = {
    "any": authenticate(theirs),
    "scoped": authenticate(theirs, scope=SCOPE),
    "positional": authenticate(theirs, scope="invoice:{}"),
    "ended": authenticate(theirs, scope=SCOPE, max_age=0),
    "optional": authenticate(theirs, scope=SCOPE, required=False),
    "permanent": authenticate(theirs, scope=SCOPE, permanent=True),
    "careful": authenticate(theirs, scope=SCOPE, override=False),
}
LOGINS = {
    "login": LoginView.as_view(next_page="/"),
    "scoped": LoginView.as_view(next_page="/", scope="sign-in"),
    "ended": LoginView.as_view(next_page="/", max_age=0),
    "silent": LoginView.as_view(next_page=None),
}
urlpatterns = [
    path("", home),
    path("l/", include("magiclink.django.urls")),
    *(path(f"sesame/{name}", view) for name, view in LOGINS.items()),
    *(path(f"theirs/{name}/<int:number>", view) for name, view in BY_SESAME.items()),
    path("invoices/<int:number>", ours),
    path("invoices/<int:number>/receipt", ours_or_signed_in),
    path("invoices/<int:number>/badge", ours_asked),
]
