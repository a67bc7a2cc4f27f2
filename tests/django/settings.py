"""A Django site of the tests: two databases, the app, and what it stands on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import django

_FOLDER = Path(tempfile.gettempdir())

SECRET_KEY = "a key of the tests, which guards nothing at all"
DEBUG = False
ALLOWED_HOSTS = ["billing.example", "localhost", "127.0.0.1"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
ROOT_URLCONF = "tests.django.urls"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
DATABASES = {
    alias: {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(_FOLDER / f"magiclink-{os.getpid()}-{alias}.sqlite3"),
        "TEST": {"NAME": str(_FOLDER / f"magiclink-{os.getpid()}-{alias}-test.sqlite3")},
    }
    for alias in ("default", "other")
}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "magiclink.django",
    "tests.django.people",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MAGICLINK = {"LINKS": "tests.django.links.links"}

if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
