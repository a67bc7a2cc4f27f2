"""The app as Django knows it: its names, and what it does once every model is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from django.apps import apps
from django.core.checks import registry
from django.core.management import get_commands
from django.db.models.signals import pre_save

from magiclink.django.apps import MagicLinkConfig
from tests.django.people.models import Clerk, Member

ROOT = Path(__file__).resolve().parents[2]

STARTED = """
import sys, django
from django.conf import settings
settings.configure(SECRET_KEY="x", INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", {!r}])
django.setup()
late = {{"magiclink.django.checks", "magiclink.web.conversation", "cryptography", "itsdangerous"}}
print(*late.intersection(sys.modules))
"""


def test_names() -> None:
    """The app is `magiclink.django`, its label `magiclink`, and no key of a site's own setting changes its tables."""
    config = apps.get_app_config("magiclink")
    assert isinstance(config, MagicLinkConfig)
    assert (config.name, config.default_auto_field) == ("magiclink.django", "django.db.models.BigAutoField")
    assert get_commands()["magiclink"] == "magiclink.django"


def test_users_that_are_not_heard() -> None:
    """Every model of users is listened to, other views of one too."""
    for model in (apps.get_model("auth", "User"), Member, Clerk):
        assert pre_save.has_listeners(model)
    assert not pre_save.has_listeners(apps.get_model("magiclink", "Link"))


def test_checks_that_are_not_run() -> None:
    """The checks are among those of `manage.py check`, and what concerns a server is left to `--deploy`."""
    assert "magiclink" in registry.registry.tags_available(deployment_checks=True)
    assert registry.registry.run_checks(tags=["magiclink"]) == []
    assert registry.registry.run_checks(tags=["magiclink"], include_deployment_checks=True) == []


def test_start_that_loads_everything() -> None:
    """A process that only starts loads neither our checks nor the conversation, the locks least of all."""
    command = [sys.executable, "-W", "error", "-c", STARTED.format("magiclink.django")]
    started = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (started.returncode, started.stdout, started.stderr) == (0, "\n", "")
