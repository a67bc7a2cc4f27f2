"""What staff read in the admin: marked here, and by `{% translate … context "magiclink" %}` in its templates.

Django makes one catalogue of those of all apps: without a context, our word for "subject" would become the site's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.utils.translation import npgettext, pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_: partial[_StrPromise] = partial(pgettext_lazy, "magiclink")
ngettext: partial[str] = partial(npgettext, "magiclink")
