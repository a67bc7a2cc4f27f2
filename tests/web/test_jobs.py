"""A job: a small frozen value, which an app may hand to its own queue."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import TYPE_CHECKING

import pytest

from magiclink.links import run
from magiclink.web import Job, Task
from tests.web.conftest import ANN

if TYPE_CHECKING:
    from tests.web.conftest import Site

JOB = Job(task=Task.SIGN_IN, source="192.0.2.7", address=ANN, browser="nonce-of-a-browser")


def test_frozen() -> None:
    """A job can't be pointed at another address on its way through a queue of this process."""
    with pytest.raises(FrozenInstanceError):
        JOB.address = "eve@evil.example"  # type: ignore[misc]


def test_job_shows_no_address() -> None:
    """Rule 6: a queue that logs its jobs logs neither what was typed nor the browser's nonce."""
    assert ANN not in repr(JOB)
    assert "nonce-of-a-browser" not in repr(JOB)
    assert "sign-in" in repr(JOB)


def test_job_through_a_queue() -> None:
    """A job is plain values: it comes out of a queue in another process as it went in."""
    assert pickle.loads(pickle.dumps(JOB)) == JOB
    assert {type(getattr(JOB, field.name)) for field in fields(Job)} == {Task, str}
    assert Task(str(JOB.task)) is Task.SIGN_IN


def test_job_holds_no_token(site: Site) -> None:
    """A queue that is read makes no link: what waits in it is a link id, which opens nothing."""
    visitor = site.visitor()
    link = site.sign_in()
    site.tick(minutes=10)
    ended = visitor.click(link).page
    assert ended is not None
    form = tuple((field.name, field.value) for field in ended.buttons[0].fields)
    request = visitor.request("POST", "new", form=form)
    job = run(site.conversation.answer(request)).after
    assert job is not None
    assert job.link_id == link.link_id
    assert all(link.token not in str(getattr(job, field.name)) for field in fields(Job))


def test_deferred_job(site: Site) -> None:
    """A job that an app's queue runs later, in whatever order, sends the mail that was asked for."""
    job = replace(JOB, browser=None)
    run(site.conversation.run(pickle.loads(pickle.dumps(job))))
    assert site.outbox.last.to == ANN
