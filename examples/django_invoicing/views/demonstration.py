"""What only a demonstration has: the mails that were sent, and a clock to move. Production has no such routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from ...story.props import STEPS
from ..forms import ClockForm, validate
from ..outbox import mails
from .answers import SeeOther

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Show the mails that were sent, newest first."""
    sent = list(enumerate(mails().all(), start=1))
    return render(request, "invoicing/desk/outbox.html", {"mails": sent[::-1]})


@require_safe
def mail(request: HttpRequest, number: int) -> HttpResponse:
    """Show one mail as its reader sees it."""
    sent = mails().all()
    if not 0 < number <= len(sent):
        raise Http404
    found = sent[number - 1]
    paragraphs = [each.strip() for each in found.text.split("\n\n")]
    return render(request, "invoicing/desk/mail.html", {"mail": found, "paragraphs": paragraphs})


@require_POST
def move_clock(request: HttpRequest) -> HttpResponse:
    """Move the demonstration's clock."""
    settings.CLOCK.tick(STEPS[validate(ClockForm(request.POST)).cleaned_data["by"]])
    return SeeOther("desk:invoices")
