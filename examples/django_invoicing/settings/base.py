"""What production and development have in common."""

from __future__ import annotations

from pathlib import Path

from ...story.books import SENDER

PROJECT = Path(__file__).parents[1]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "magiclink.django",
    "examples.django_invoicing",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "magiclink.django.middleware.MagicLinkMiddleware",
    "examples.django_invoicing.middleware.HeaderMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "examples.django_invoicing.middleware.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "examples.django_invoicing.middleware.ErrorMiddleware",
]
ROOT_URLCONF = "examples.django_invoicing.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "examples.django_invoicing.context.supplier",
            ]
        },
    }
]
STATIC_URL = "/static/"
# The same style as the Flask example's.
STATICFILES_DIRS = [PROJECT.parent / "invoicing" / "static"]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_FROM_EMAIL = SENDER
DATA_UPLOAD_MAX_MEMORY_SIZE = 16_384

AUTH_USER_MODEL = "invoicing.Contact"
AUTHENTICATION_BACKENDS = [
    # Staff sign in to the admin by a password; contacts have none.
    "django.contrib.auth.backends.ModelBackend",
    "magiclink.django.backends.MagicLinkBackend",
]
LOGIN_URL = "magiclink:sign-in"

MAGICLINK = {
    "LINKS": "examples.django_invoicing.links.links",
    "DIRECTORY": "examples.django_invoicing.directory.Contacts",
    "DESCRIBE": "examples.django_invoicing.links.describe",
    "LANDING": "examples.django_invoicing.sign_ins.remember",
    "HOME": "/invoices",
}
