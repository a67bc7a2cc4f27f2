"""The invoicing example in Django by its commands: `tour` on other databases, and what Django's own find to say."""

from __future__ import annotations

import subprocess
import sys
from ast import literal_eval
from secrets import token_urlsafe
from urllib.parse import urlencode

import psycopg
import pytest

from magiclink import Key
from tests.served import ROOT, environment, run
from tests.services import new_schema, postgres

EXAMPLE = "examples.django_invoicing"
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": f"{EXAMPLE}.settings.production",
    "DJANGO_SECRET_KEY": token_urlsafe(50),
    "MAGICLINK_KEY": Key.generate().to_text(),
    "INVOICING_SITE": "https://billing.example",
    "INVOICING_DATABASE": "sqlite:///:memory:",
}
PATHS = ["/", "/contacts", "/admin/magiclink/link/", "/outbox", "/clock"]
VISITS = f"""
from {EXAMPLE}.wsgi import application
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from {EXAMPLE}.models import Contact

def answer(client):
    pages = [client.get(path, secure=True, headers={{"Host": "billing.example"}}) for path in {PATHS}]
    return [(page.status_code, page.headers.get("Location")) for page in pages]

print(answer(Client()))
clerk = Contact.objects.create_superuser("clerk@hill.example", "a password")
for user in (clerk, Contact.objects.create_user("ann@acme.example")):
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    print(answer(client))
"""
"""What a stranger, one of the staff and a contact get at each path."""


def test_deployment_that_is_unsafe() -> None:
    """`check --deploy` finds nothing to say about production, whose settings come from the environment."""
    ran = run(EXAMPLE, "manage", "check", "--deploy", **PRODUCTION)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "System check identified no issues (0 silenced).\n", "")


@pytest.mark.parametrize("name", sorted(PRODUCTION.keys() - {"DJANGO_SETTINGS_MODULE"}))
def test_production_without_a_secret(name: str) -> None:
    """Production starts with no default for what is secret or its own."""
    given = {each: value for each, value in PRODUCTION.items() if each != name}
    ran = run(EXAMPLE, "manage", "check", **given)
    assert ran.returncode != 0
    assert name in ran.stderr


def test_production_on_plain_http() -> None:
    """A site without https isn't for production."""
    assert run(EXAMPLE, "manage", "check", "--deploy", **PRODUCTION | {"INVOICING_SITE": "http://b.example"}).returncode


def test_models_without_a_migration() -> None:
    """`makemigrations --check` has nothing to add, to the example or to the library."""
    ran = run(EXAMPLE, "manage", "makemigrations", "--check", "--dry-run")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "No changes detected\n", "")


def test_demonstration_in_production() -> None:
    """In production the desk is for staff who have signed in, and nobody reads the mails or moves the clock."""
    command = [sys.executable, "-W", "error", "-c", VISITS]
    ran = subprocess.run(command, cwd=ROOT, env=environment(PRODUCTION), capture_output=True, text=True, check=True)
    stranger, clerk, contact = map(literal_eval, ran.stdout.splitlines())
    login = [(302, f"/admin/login/?next={path}") for path in PATHS[:3]]
    assert stranger == contact == [*login, (404, None), (404, None)]
    assert clerk == [(200, None), (200, None), (200, None), (404, None), (404, None)]


def test_books_with_a_past() -> None:
    """The tour runs on PostgreSQL too; on books that are not empty it does not begin again."""
    schema = new_schema()
    with psycopg.connect(postgres(), autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {schema}".encode())
        url = f"{postgres()}{'&' if '?' in postgres() else '?'}{urlencode({'options': f'-csearch_path={schema}'})}"
        first, second = (run(EXAMPLE, "tour", "--database", url) for _ in range(2))
        server.execute(f"DROP SCHEMA {schema} CASCADE".encode())
    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stdout, "begins with empty books" in second.stderr) == (2, "", True)


def test_database_that_is_down() -> None:
    """A database that can't be reached is one sentence and status 2, without its address."""
    ran = run(EXAMPLE, "tour", "--database", "postgresql://somebody:secret@127.0.0.1:1/books")
    assert (ran.returncode, ran.stderr.count("\n"), "secret" in ran.stderr) == (2, 1, False)


def test_operator_at_a_prompt() -> None:
    """The library's commands are `manage magiclink …`."""
    ran = run(EXAMPLE, "manage", "magiclink", "keygen")
    assert (ran.returncode, ran.stdout[:5]) == (0, "mlk1_")
