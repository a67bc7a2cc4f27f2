"""What `magiclink.django` offers without loading a site: `send` and `run`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from magiclink import INVOICE
from magiclink import django as front
from magiclink.web import Job, Task
from tests.exchanges import ANN
from tests.stage import Accounts, Stage

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings


def test_import_that_reads_settings() -> None:
    """`import magiclink.django` loads no settings, no models and no view: a settings module may import it."""
    code = (
        "import sys, magiclink.django\n"
        "assert magiclink.django.send and magiclink.django.run\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'django'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_mail_sent_and_job_done(settings: Settings) -> None:
    """`send` mails a link and marks it delivered, `run` does a job of a queue; neither needs a request."""
    stage = Stage()
    settings.MAGICLINK = {"LINKS": stage.links, "DIRECTORY": Accounts, "MAILER": stage.outbox}
    link = stage.links.issue(INVOICE, subject="ann", resource="invoice:1001", recipient=ANN)
    front.send(link, to=ANN, about="Invoice 1001")
    assert stage.links.inspect(link.link_id).delivered_at is not None
    front.run(Job(task=Task.SIGN_IN, source=None, address=ANN))
    assert [mail.subject for mail in stage.outbox.messages][:1] == ["Invoice 1001"]
    assert len(stage.outbox) == 2


def test_name_that_is_not_offered() -> None:
    """The front door is these three calls."""
    assert front.__all__ == ["remind", "run", "send"]
