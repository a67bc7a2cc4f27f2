"""The tables of the Django store as models, for migrations and the admin; `store.py` reads and writes them by SQL.

Instants and spans are integer microseconds, digests lower-case hex: so every database holds the same and compares it
byte for byte. No row holds a token, its secret or an address. A model here decides nothing, and saves nothing: what
changes a link goes through `MagicLinks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from ..instants import to_datetime
from .fields import ExactTextField
from .i18n import _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Digest = models.CharField[str, str]
    Integer = models.BigIntegerField[int, int]
    Maybe = models.BigIntegerField[int | None, int | None]

WORD = 255
"""Characters of a text that the library takes from the app."""

DIGEST = 128
"""Characters of a digest in hex, as long as any may come to be."""

LINK_ID = 40
"""Characters of a link id in hex."""

ID = 12 + LINK_ID
"""Characters of a link's primary key."""


class Link(models.Model):
    """What is remembered of one link. A link id begins with its expiry, so that purging is a range of keys."""

    id: ExactTextField = ExactTextField(_("key"), max_length=ID, primary_key=True, editable=False)
    audience: ExactTextField = ExactTextField(_("audience"), max_length=WORD)
    purpose: ExactTextField = ExactTextField(_("purpose"), max_length=WORD)
    subject: ExactTextField = ExactTextField(_("subject"), max_length=WORD)
    resource: ExactTextField = ExactTextField(_("resource"), max_length=WORD, null=True)
    destination: ExactTextField = ExactTextField(_("destination"), max_length=2_000, null=True)
    recipient: ExactTextField = ExactTextField(_("digest of the recipient"), max_length=DIGEST, null=True)
    stamp: ExactTextField = ExactTextField(_("digest of the security stamp"), max_length=DIGEST, null=True)
    browser: ExactTextField = ExactTextField(_("digest of the browser"), max_length=DIGEST, null=True)
    series: ExactTextField = ExactTextField(_("series"), max_length=DIGEST)
    number: Integer = models.BigIntegerField(_("number in the series"))
    origin: ExactTextField = ExactTextField(_("origin"), max_length=32)
    parent: ExactTextField = ExactTextField(_("reissued from"), max_length=LINK_ID, null=True)
    supersede: ExactTextField = ExactTextField(_("supersedes"), max_length=32)
    generation: Integer = models.BigIntegerField(_("generation"))
    series_started_at: Integer = models.BigIntegerField(_("series started at"))
    reminded_at: Maybe = models.BigIntegerField(_("reminded at"), null=True)
    renewed_at: Maybe = models.BigIntegerField(_("renewed at"), null=True)
    reminders: Integer = models.BigIntegerField(_("reminders"))
    renewals: Integer = models.BigIntegerField(_("renewals"))
    issued_at: Integer = models.BigIntegerField(_("issued at"))
    expires_at: Integer = models.BigIntegerField(_("expires at"))
    max_uses: Maybe = models.BigIntegerField(_("uses allowed"), null=True)
    session_lifetime: Integer = models.BigIntegerField(_("session lifetime"))
    mac: ExactTextField = ExactTextField(_("digest of the record"), max_length=DIGEST, null=True)
    issued_to: ExactTextField = ExactTextField(_("digest of the recipient at issue"), max_length=DIGEST, null=True)
    bound: Integer = models.BigIntegerField(_("bound to a browser"))
    opens: ExactTextField = ExactTextField(_("opens"), max_length=32)
    ends_with: Integer = models.BigIntegerField(_("ends with"))
    language: ExactTextField = ExactTextField(_("language"), max_length=WORD, null=True)
    metadata: ExactTextField = ExactTextField(_("metadata"), max_length=1_024, null=True)
    issued_by: ExactTextField = ExactTextField(_("issued by"), max_length=WORD)
    code: ExactTextField = ExactTextField(_("digest of the code"), max_length=DIGEST, null=True)
    passphrase: ExactTextField = ExactTextField(_("hash of the passphrase"), max_length=WORD, null=True)
    code_expires_at: Maybe = models.BigIntegerField(_("code expires at"), null=True)
    attempts: Integer = models.BigIntegerField(_("attempts at the code"))
    openings: Integer = models.BigIntegerField(_("openings"))
    first_opened_at: Maybe = models.BigIntegerField(_("first opened at"), null=True)
    last_opened_at: Maybe = models.BigIntegerField(_("last opened at"), null=True)
    evidence: Integer = models.BigIntegerField(_("evidence of an opening"))
    bounced_at: Maybe = models.BigIntegerField(_("bounced at"), null=True)
    bounce: ExactTextField = ExactTextField(_("bounce"), max_length=WORD, null=True)
    uses: Integer = models.BigIntegerField(_("uses"))
    first_used_at: Maybe = models.BigIntegerField(_("first used at"), null=True)
    last_used_at: Maybe = models.BigIntegerField(_("last used at"), null=True)
    attempt: ExactTextField = ExactTextField(_("digest of the last use"), max_length=DIGEST, null=True)
    delivered_at: Maybe = models.BigIntegerField(_("delivered at"), null=True)
    superseded_at: Maybe = models.BigIntegerField(_("superseded at"), null=True)
    superseded_by: ExactTextField = ExactTextField(_("superseded by"), max_length=LINK_ID, null=True)
    revoked_at: Maybe = models.BigIntegerField(_("revoked at"), null=True)
    revoked_by: ExactTextField = ExactTextField(_("revoked by"), max_length=WORD)
    revoke_reason: ExactTextField = ExactTextField(_("reason of the revocation"), max_length=WORD)

    class Meta:
        """Links come to be by `issue` and end by `purge`, so that nobody may add or delete one here."""

        db_table: str = "magiclink_links"
        default_permissions: tuple[str, ...] = ("view", "change")
        verbose_name: _StrPromise = _("link")
        verbose_name_plural: _StrPromise = _("links")

    def __str__(self) -> str:
        """Return the link id, which opens nothing."""
        return self.link_id

    @property
    def link_id(self) -> str:
        """The link id, as logs and history name it."""
        return str(self.id)[-LINK_ID:]


class Subject(models.Model):
    """The row by which everything that happens to a subject's links is put in order.

    `number` counts up for all of its series; `last_link` is the highest link id that it ever had: the row goes when
    purging has passed it.
    """

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("audience", "subject")
    audience: ExactTextField = ExactTextField(_("audience"), max_length=WORD)
    subject: ExactTextField = ExactTextField(_("subject"), max_length=WORD)
    generation: Integer = models.BigIntegerField(_("generation"))
    number: Integer = models.BigIntegerField(_("number"))
    last_link: ExactTextField = ExactTextField(_("last link"), max_length=LINK_ID)
    revoked_at: Maybe = models.BigIntegerField(_("revoked at"), null=True)
    reason: ExactTextField = ExactTextField(_("reason"), max_length=WORD)

    class Meta:
        """Rows of the store's own."""

        db_table: str = "magiclink_subjects"
        default_permissions: tuple[str, ...] = ()
        verbose_name: _StrPromise = _("subject")
        verbose_name_plural: _StrPromise = _("subjects")

    def __str__(self) -> str:
        """Return the subject as the app names it."""
        return str(self.subject)


class Name(models.Model):
    """One name under which a link is found: see `stores/names.py`."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("bucket", "name", "link")
    bucket: ExactTextField = ExactTextField(_("bucket"), max_length=16)
    name: ExactTextField = ExactTextField(_("name"), max_length=32)
    link: ExactTextField = ExactTextField(_("link"), max_length=ID)

    class Meta:
        """Rows of the store's own."""

        db_table: str = "magiclink_names"
        default_permissions: tuple[str, ...] = ()
        verbose_name: _StrPromise = _("name")
        verbose_name_plural: _StrPromise = _("names")

    def __str__(self) -> str:
        """Return the digest."""
        return str(self.name)


class Note(models.Model):
    """Something that happened to a link and changed nothing."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("link", "kind", "hour")
    link: ExactTextField = ExactTextField(_("link"), max_length=ID)
    kind: ExactTextField = ExactTextField(_("kind"), max_length=WORD)
    hour: Integer = models.BigIntegerField(_("hour"))
    at: Integer = models.BigIntegerField(_("at"))
    reason: ExactTextField = ExactTextField(_("reason"), max_length=WORD)

    class Meta:
        """Rows of the store's own."""

        db_table: str = "magiclink_notes"
        default_permissions: tuple[str, ...] = ()
        verbose_name: _StrPromise = _("note")
        verbose_name_plural: _StrPromise = _("notes")

    def __str__(self) -> str:
        """Tell what happened and when."""
        return f"{self.kind} {to_datetime(self.at):%Y-%m-%d %H:%M:%S}"


class Bucket(models.Model):
    """How often something was done in one window of time."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("ends_at", "bucket", "span")
    ends_at: Integer = models.BigIntegerField(_("ends at"))
    bucket: ExactTextField = ExactTextField(_("bucket"), max_length=DIGEST)
    span: Integer = models.BigIntegerField(_("length of the window"))
    taken: Integer = models.BigIntegerField(_("taken"))

    class Meta:
        """Rows of the store's own."""

        db_table: str = "magiclink_buckets"
        default_permissions: tuple[str, ...] = ()
        verbose_name: _StrPromise = _("bucket")
        verbose_name_plural: _StrPromise = _("buckets")

    def __str__(self) -> str:
        """Return the digest."""
        return str(self.bucket)


class PasswordRehash(models.Model):
    """Which stored password an account's security stamp was made of, so that a rehash of it ends no link."""

    subject: ExactTextField = ExactTextField(_("subject"), max_length=WORD, primary_key=True)
    password: Digest = models.CharField(_("digest of the stored password"), max_length=64)
    stamp: Digest = models.CharField(_("stamp"), max_length=64)

    class Meta:
        """Rows of the adapter's own."""

        db_table: str = "magiclink_password_rehashes"
        default_permissions: tuple[str, ...] = ()
        verbose_name: _StrPromise = _("password rehash")
        verbose_name_plural: _StrPromise = _("password rehashes")

    def __str__(self) -> str:
        """Return the subject as the app names it."""
        return str(self.subject)
