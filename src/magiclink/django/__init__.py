"""Magic links in Django: the app, and what a view or a cron job calls.

It takes `INSTALLED_APPS += ["magiclink.django"]`, a setting `MAGICLINK`, and `include("magiclink.django.urls")`. This
module loads neither settings nor models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..links import run as drive

if TYPE_CHECKING:
    from ..values import Link
    from ..web.jobs import Job

__all__ = ["remind", "run", "send"]


def send(link: Link, *, to: str, about: str = "", language: str | None = None) -> None:
    """Mail a link and mark it delivered. It works without a request, in a cron job for example.

    `about` says what the link opens; without it `DESCRIBE` is asked. `language` is the reader's, such as `de-AT`: the
    mail is in the nearest language that the site offers, or else in the site's own.

    Raises UnavailableError if the mail wasn't accepted; the link isn't marked then, and older ones still work.
    """
    from .conf import adapter  # noqa: PLC0415  # settings are read when they are needed

    drive(adapter().conversation.send(link, to=to, about=about, language=language))


def remind(link_id: str) -> Link:
    """Mail a fresh link in place of one, to the address that the old one was mailed to, and return it.

    Raises ReissueRefusedError: as `MagicLinks.remind`; `account` if the subject has no active account, `recipient` if
    the address isn't on file any more. InvalidLinkError (unknown), BadArgumentError (its policy isn't registered any
    more), UnavailableError (the mail wasn't accepted: older links still work), ConfigurationError (no directory).
    """
    from .conf import adapter  # noqa: PLC0415

    return drive(adapter().conversation.remind(link_id))


def run(job: Job) -> None:
    """Do a deferred job; one that is refused ends silently."""
    from .conf import adapter  # noqa: PLC0415

    drive(adapter().conversation.run(job))
