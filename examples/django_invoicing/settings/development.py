"""Development: on loopback, over the files of INVOICING_FOLDER, with a mailbox to look into and a clock to move."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_urlsafe

import django

from ...story.props import KeptClock, keys_in
from ...story.server import HOST
from ..databases import parse_database
from .base import *  # noqa: F403

IS_DEMONSTRATION = True

FOLDER = Path(os.environ["INVOICING_FOLDER"])
SECRET_KEY = token_urlsafe(50)
MAGICLINK_KEYS = keys_in(FOLDER / "key")
SITE = os.environ.get("INVOICING_SITE", f"http://{HOST}:8042")
CLOCK = KeptClock(FOLDER / "clock")
# The desk has no login: no other host name may be pointed here to read it (DNS rebinding).
ALLOWED_HOSTS = [HOST]
DATABASES = {"default": parse_database(os.environ.get("INVOICING_DATABASE", f"sqlite:///{FOLDER.resolve()}/books.db"))}

_OUTBOX = "examples.django_invoicing.outbox.OutboxBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _OUTBOX}}
else:
    EMAIL_BACKEND = _OUTBOX

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["console"], "level": "ERROR"}},
}
