"""The tables of the Django store as models, for migrations and the admin: `stores/sql/schema.py` says what they hold.

A model here decides nothing, and saves nothing: what changes a link goes through `MagicLinks`, and the store reads and
writes by SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from ..stores.sql.schema import DIGEST, KEY, LINK_ID, TEXT, WORD
from .fields import ExactTextField
from .i18n import _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Digest = models.CharField[str, str]
    Integer = models.BigIntegerField[int, int]
    Maybe = models.BigIntegerField[int | None, int | None]


class Link(models.Model):
    """What is remembered of one link. A link id begins with its expiry, so that purging is a range of keys."""

    id: ExactTextField = ExactTextField(_("key"), max_length=KEY, primary_key=True, editable=False)
    audience: ExactTextField = ExactTextField(_("audience"), max_length=TEXT)
    purpose: ExactTextField = ExactTextField(_("purpose"), max_length=TEXT)
    subject: ExactTextField = ExactTextField(_("subject"), max_length=TEXT)
    resource: ExactTextField = ExactTextField(_("resource"), max_length=TEXT, null=True)
    destination: ExactTextField = ExactTextField(_("destination"), max_length=2_000, null=True)
    recipient: ExactTextField = ExactTextField(_("digest of the recipient"), max_length=DIGEST, null=True)
    stamp: ExactTextField = ExactTextField(_("digest of the security stamp"), max_length=DIGEST, null=True)
    browser: ExactTextField = ExactTextField(_("digest of the browser"), max_length=DIGEST, null=True)
    series: ExactTextField = ExactTextField(_("series"), max_length=DIGEST)
    number: Integer = models.BigIntegerField(_("number in the series"))
    origin: ExactTextField = ExactTextField(_("origin"), max_length=WORD)
    parent: ExactTextField = ExactTextField(_("reissued from"), max_length=LINK_ID, null=True)
    supersede: ExactTextField = ExactTextField(_("supersedes"), max_length=WORD)
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
    opens: ExactTextField = ExactTextField(_("opens"), max_length=WORD)
    ends_with: Integer = models.BigIntegerField(_("ends with"))
    language: ExactTextField = ExactTextField(_("language"), max_length=TEXT, null=True)
    metadata: ExactTextField = ExactTextField(_("metadata"), max_length=1_024, null=True)
    issued_by: ExactTextField = ExactTextField(_("issued by"), max_length=TEXT)
    code: ExactTextField = ExactTextField(_("digest of the code"), max_length=DIGEST, null=True)
    passphrase: ExactTextField = ExactTextField(_("hash of the passphrase"), max_length=TEXT, null=True)
    code_expires_at: Maybe = models.BigIntegerField(_("code expires at"), null=True)
    attempts: Integer = models.BigIntegerField(_("attempts at the code"))
    openings: Integer = models.BigIntegerField(_("openings"))
    first_opened_at: Maybe = models.BigIntegerField(_("first opened at"), null=True)
    last_opened_at: Maybe = models.BigIntegerField(_("last opened at"), null=True)
    evidence: Integer = models.BigIntegerField(_("evidence of an opening"))
    bounced_at: Maybe = models.BigIntegerField(_("bounced at"), null=True)
    bounce: ExactTextField = ExactTextField(_("bounce"), max_length=TEXT, null=True)
    uses: Integer = models.BigIntegerField(_("uses"))
    first_used_at: Maybe = models.BigIntegerField(_("first used at"), null=True)
    last_used_at: Maybe = models.BigIntegerField(_("last used at"), null=True)
    attempt: ExactTextField = ExactTextField(_("digest of the last use"), max_length=DIGEST, null=True)
    delivered_at: Maybe = models.BigIntegerField(_("delivered at"), null=True)
    superseded_at: Maybe = models.BigIntegerField(_("superseded at"), null=True)
    superseded_by: ExactTextField = ExactTextField(_("superseded by"), max_length=LINK_ID, null=True)
    revoked_at: Maybe = models.BigIntegerField(_("revoked at"), null=True)
    revoked_by: ExactTextField = ExactTextField(_("revoked by"), max_length=TEXT)
    revoke_reason: ExactTextField = ExactTextField(_("reason of the revocation"), max_length=TEXT)

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


class Row(models.Model):
    """A row of the library's own, which nobody sees in the admin and no permission is about."""

    class Meta:
        abstract: bool = True
        default_permissions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the primary key, which opens nothing."""
        return str(self.pk)


class Subject(Row):
    """The row by which everything that happens to a subject's links is put in order.

    `number` counts up for all of its series; `last_link` is the highest link id that it ever had: the row goes when
    purging has passed it.
    """

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("audience", "subject")
    audience: ExactTextField = ExactTextField(max_length=TEXT)
    subject: ExactTextField = ExactTextField(max_length=TEXT)
    generation: Integer = models.BigIntegerField()
    number: Integer = models.BigIntegerField()
    last_link: ExactTextField = ExactTextField(max_length=LINK_ID)
    revoked_at: Maybe = models.BigIntegerField(null=True)
    reason: ExactTextField = ExactTextField(max_length=TEXT)

    class Meta(Row.Meta):
        db_table: str = "magiclink_subjects"


class Lookup(Row):
    """One key under which a link is found: see `stores/lookup_keys.py`."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("period", "key", "link")
    period: ExactTextField = ExactTextField(max_length=16)
    key: ExactTextField = ExactTextField(max_length=32)
    link: ExactTextField = ExactTextField(max_length=KEY)

    class Meta(Row.Meta):
        db_table: str = "magiclink_lookups"


class Note(Row):
    """Something that happened to a link and changed nothing."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("link", "kind", "hour")
    link: ExactTextField = ExactTextField(max_length=KEY)
    kind: ExactTextField = ExactTextField(max_length=TEXT)
    hour: Integer = models.BigIntegerField()
    at: Integer = models.BigIntegerField()
    reason: ExactTextField = ExactTextField(max_length=TEXT)

    class Meta(Row.Meta):
        db_table: str = "magiclink_notes"


class Limit(Row):
    """How often something was done in one window of time."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("ends_at", "limit_key", "span")
    ends_at: Integer = models.BigIntegerField()
    limit_key: ExactTextField = ExactTextField(max_length=DIGEST)
    span: Integer = models.BigIntegerField()
    hits: Integer = models.BigIntegerField()

    class Meta(Row.Meta):
        db_table: str = "magiclink_limits"


class Settlement(Row):
    """That a resource is done, and where its links lead from then on."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("audience", "resource")
    audience: ExactTextField = ExactTextField(max_length=TEXT)
    resource: ExactTextField = ExactTextField(max_length=TEXT)
    at: Integer = models.BigIntegerField()
    reason: ExactTextField = ExactTextField(max_length=TEXT)
    by: ExactTextField = ExactTextField(max_length=TEXT)
    purpose: ExactTextField = ExactTextField(max_length=TEXT, null=True)
    leads_to: ExactTextField = ExactTextField(max_length=TEXT, null=True)
    destination: ExactTextField = ExactTextField(max_length=2_000, null=True)

    class Meta(Row.Meta):
        db_table: str = "magiclink_settlements"


class Closing(Row):
    """That what one use opened was closed before its time."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("link", "redeemed_at")
    link: ExactTextField = ExactTextField(max_length=KEY)
    redeemed_at: Integer = models.BigIntegerField()
    until: Integer = models.BigIntegerField()

    class Meta(Row.Meta):
        db_table: str = "magiclink_closings"


class Wait(Row):
    """A use that waits for a second factor."""

    pk: models.CompositePrimaryKey = models.CompositePrimaryKey("link", "nonce")
    link: ExactTextField = ExactTextField(max_length=KEY)
    nonce: ExactTextField = ExactTextField(max_length=DIGEST)
    until: Integer = models.BigIntegerField()
    failures: Integer = models.BigIntegerField()

    class Meta(Row.Meta):
        db_table: str = "magiclink_waits"


class PasswordRehash(Row):
    """Which stored password an account's security stamp was made of, so that a rehash of it ends no link."""

    subject: ExactTextField = ExactTextField(max_length=TEXT, primary_key=True)
    password: Digest = models.CharField(max_length=64)
    stamp: Digest = models.CharField(max_length=64)

    class Meta(Row.Meta):
        db_table: str = "magiclink_password_rehashes"
