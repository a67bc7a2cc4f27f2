"""Marks the texts that staff read in the admin; its templates use `{% translate … context "magiclink" %}`.

Django merges the catalogues of all apps: without a context, our "subject" would become the site's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.utils.translation import npgettext, pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_: partial[_StrPromise] = partial(pgettext_lazy, "magiclink")
ngettext: partial[str] = partial(npgettext, "magiclink")
