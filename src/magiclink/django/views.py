"""The one view: whatever comes below the path of the links is the conversation's to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from .conf import adapter

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


# CSRF is exempted: the conversation's own check stands in every framework. A login wall would put the token into
# `next`. Error reports show no variable of what runs below here, which may be the site's own code.
@csrf_exempt
@login_not_required
@sensitive_post_parameters()
@sensitive_variables()
def answer(request: HttpRequest) -> HttpResponse:
    """Answer every path and method below the path of `base_url`."""
    return adapter().answer(request)


# An outer transaction could take back that a link was used, after somebody was signed in by it.
for _alias in connections:
    transaction.non_atomic_requests(_alias)(answer)
