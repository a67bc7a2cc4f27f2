"""Magic links in Django: the same conversation, at home in Django.

`INSTALLED_APPS += ["magiclink.django"]`, a setting `MAGICLINK`, and `include("magiclink.django.urls")`. This module
loads neither settings nor models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..values import Link
    from ..web.jobs import Job

__all__ = ["remind", "run", "send"]


def send(link: Link, *, to: str, about: str = "", language: str | None = None) -> None:
    """Mail a link and mark it delivered; from a cron job too. `about` is what it opens, as `DESCRIBE` says.

    `language` is the reader's, such as `de-AT`: the mail is in the nearest that the site offers, or in its own.

    Raises UnavailableError where the mail wasn't taken; then the link isn't marked, and older ones still work.
    """
    from .conf import adapter  # noqa: PLC0415  # settings are read when there is need

    adapter().send(link, to=to, about=about, language=language)


def remind(link_id: str) -> Link:
    """Mail a fresh link in place of one to the address that it was mailed to, if that is still on file; give it.

    Raises ReissueRefusedError: as `MagicLinks.remind`, `account` where the subject is no active account, `recipient`
    where the address isn't on file any more. InvalidLinkError (unknown), BadArgumentError (its policy is gone),
    UnavailableError (the mail wasn't taken: older links still work), ConfigurationError (no directory).
    """
    from .conf import adapter  # noqa: PLC0415

    return adapter().remind(link_id)


def run(job: Job) -> None:
    """Do what a deferred job asks for; what is refused ends without a word."""
    from .conf import adapter  # noqa: PLC0415

    adapter().run(job)
