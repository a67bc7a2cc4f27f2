"""Production: every secret and address comes from the environment, and all is on https.

`DJANGO_SECRET_KEY`, `MAGICLINK_KEY` (made by `python -m magiclink keygen`), `INVOICING_SITE` such as
`https://billing.example`, and `INVOICING_DATABASE`. `MAGICLINK_RETIRED_KEYS` has those that still open links, with
spaces between them; `INVOICING_STATIC_ROOT` is the folder for `collectstatic`.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from magiclink import KeyRing, SystemClock

from ..databases import database_at
from .base import *  # noqa: F403

IS_DEMONSTRATION = False

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
MAGICLINK_KEYS = KeyRing.from_text(os.environ["MAGICLINK_KEY"], *os.environ.get("MAGICLINK_RETIRED_KEYS", "").split())
SITE = os.environ["INVOICING_SITE"]
CLOCK = SystemClock()
ALLOWED_HOSTS = [urlsplit(SITE).hostname or ""]
DATABASES = {"default": database_at(os.environ["INVOICING_DATABASE"])}
STATIC_ROOT = os.environ.get("INVOICING_STATIC_ROOT")

SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

# What is logged of links has neither tokens nor addresses.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING"},
        "magiclink": {"handlers": ["console"], "level": "INFO"},
    },
}
