"""The Django project as a site of the story."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import django
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections

from magiclink import ConfigurationError

from ..story.books import COMPANIES
from ..story.site import Opening, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink import Event

DEVELOPMENT = "examples.django_invoicing.settings.development"


@contextmanager
def open_site(opening: Opening) -> Iterator[Site]:
    """Open the project on the files of a folder; a process has one."""
    os.environ["DJANGO_SETTINGS_MODULE"] = DEVELOPMENT
    os.environ["INVOICING_FOLDER"] = str(opening.folder)
    os.environ["INVOICING_SITE"] = opening.origin
    os.environ["INVOICING_DATABASE"] = opening.kept_in or f"sqlite:///{opening.folder.resolve()}/books.db"
    django.setup()
    try:
        _fill(is_tour=opening.is_tour)
        yield _site(opening)
    except (ImproperlyConfigured, OperationalError) as error:
        raise ConfigurationError(f"the database can't be used ({type(error).__name__})") from error
    finally:
        connections.close_all()


def _site(opening: Opening) -> Site:
    from django.conf import settings  # noqa: PLC0415  # Django is set up first
    from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    from magiclink.django.signals import link_event  # noqa: PLC0415

    from .links import links  # noqa: PLC0415
    from .outbox import mails  # noqa: PLC0415

    def pass_on(event: Event, **_: object) -> None:
        if opening.on_event is not None:
            opening.on_event(event)

    link_event.connect(pass_on, weak=False)
    app = StaticFilesHandler(get_wsgi_application())
    return Site(app=app, links=links, mails=mails(), clock=settings.CLOCK)


def _fill(*, is_tour: bool) -> None:
    """Create the tables, and the customers of the story with their contacts and invoices."""
    from django.core.management import call_command  # noqa: PLC0415

    from .models import Contact, Customer, Invoice  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    if Customer.objects.exists():
        if is_tour:
            raise ConfigurationError("the tour begins with empty books, and this database has some already")
        return
    for company in COMPANIES:
        customer = Customer.objects.create(name=company.name)
        for address in company.contacts:
            Contact.objects.create_user(address, customer)
        for number, title, cents in company.invoices:
            Invoice.objects.create(number=number, customer=customer, title=title, cents=cents)
