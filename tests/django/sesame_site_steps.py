"""What happens at one of the page's sites, as a process of its own: mails are sent, links are clicked, pages looked at.

`python sesame_site_steps.py`, with `DJANGO_SETTINGS_MODULE` and the steps as JSON on the standard input.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import django
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment

_SITE = "https://billing.example"
_HEADERS = {"Host": "billing.example", "Origin": _SITE, "Sec-Fetch-Site": "same-origin"}


def mailed() -> list[str]:
    """Let the site write its three mails to Ann, and give their links."""
    from billing import mails  # type: ignore[import-not-found]
    from django.contrib.auth.models import User

    ann = User.objects.filter(username="ann").first() or User.objects.create_user("ann", "ann@acme.example", "x")
    mails.mail_sign_in(ann)
    mails.mail_invoice(ann, 1001)
    mails.mail_statement(ann)
    return [found for message in mail.outbox for found in re.findall(rf"{_SITE}/\S+", str(message.body))]


def click(url: str) -> list[str]:
    """Click a link in a browser of its own, press its button, if any, and give what is told, and the session."""
    client = Client(enforce_csrf_checks=True, headers=_HEADERS)
    answer: Any = client.get(url.removeprefix(_SITE), follow=True, secure=True)
    form = re.search(r'data-page="confirm".*?name="form" value="([^"]+)"', answer.content.decode(), re.DOTALL)
    if form:
        answer = client.post("/l/", {"form": form[1]}, follow=True, secure=True)
    session = client.cookies.get("sessionid")
    return [describe(answer), session.value if session else ""]


def look(session: str) -> str:
    """Look at the account with the cookie of a session."""
    client = Client(headers=_HEADERS)
    client.cookies["sessionid"] = session
    return describe(client.get("/account", secure=True))


def describe(answer: Any) -> str:
    """Tell an answer: its status, and its page, where it leads, or its text."""
    text = answer.content.decode()
    page = re.search(r'data-page="([^"]+)"', text)
    plain = "" if "<" in text else text
    return f"{answer.status_code} {page[1] if page else answer.headers.get('Location', plain)}".rstrip()


def main() -> None:
    """Take the steps, and write what came of them as JSON."""
    django.setup()
    setup_test_environment()
    call_command("migrate", verbosity=0)
    steps = json.load(sys.stdin)
    urls = mailed() if steps.get("mail") else []
    clicked = [click(url) for url in [*steps.get("click", ()), *urls]]
    looked = [look(session) for session in steps.get("look", ())]
    json.dump({"mailed": urls, "clicked": clicked, "looked": looked}, sys.stdout)


if __name__ == "__main__":
    main()
