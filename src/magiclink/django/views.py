"""The one view: the conversation answers every request below the path of the links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from .conf import adapter

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


# CSRF: the conversation checks its forms itself, in every framework. A login wall would put the token into `next`.
# Error reports show no variable of what runs below here, which may be the site's own code.
@csrf_exempt
@login_not_required
@sensitive_post_parameters()
@sensitive_variables()
def answer(request: HttpRequest) -> HttpResponse:
    """Answer every path and method below the path of `base_url`."""
    return adapter().answer(request)


def is_answered(path: str, urlconf: str | None = None) -> bool:
    """Return whether this view answers a path, and not one that the site has below that of the links."""
    try:
        return resolve(path, urlconf).func is answer
    except Resolver404:
        return False


# A rollback of an outer transaction could undo the use of a link by which somebody was signed in.
for _alias in connections:
    transaction.non_atomic_requests(_alias)(answer)
