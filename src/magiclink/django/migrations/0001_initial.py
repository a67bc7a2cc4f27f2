"""Make the tables of the Django store."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import migrations, models

from ..fields import ExactTextField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    """Six tables; which, `models.py` says."""

    initial: ClassVar[bool | None] = True
    dependencies: ClassVar[Sequence[tuple[str, str]]] = []

    operations: ClassVar[Sequence[Operation]] = [
        migrations.CreateModel(
            name="Bucket",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "ends_at", "bucket", "span", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("ends_at", models.BigIntegerField(verbose_name="ends at")),
                ("bucket", ExactTextField(max_length=128, verbose_name="bucket")),
                ("span", models.BigIntegerField(verbose_name="length of the window")),
                ("taken", models.BigIntegerField(verbose_name="taken")),
            ],
            options={
                "verbose_name": "bucket",
                "verbose_name_plural": "buckets",
                "db_table": "magiclink_buckets",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                (
                    "id",
                    ExactTextField(
                        editable=False, max_length=52, primary_key=True, serialize=False, verbose_name="key"
                    ),
                ),
                ("audience", ExactTextField(max_length=255, verbose_name="audience")),
                ("purpose", ExactTextField(max_length=255, verbose_name="purpose")),
                ("subject", ExactTextField(max_length=255, verbose_name="subject")),
                ("resource", ExactTextField(max_length=255, null=True, verbose_name="resource")),
                ("destination", ExactTextField(max_length=2000, null=True, verbose_name="destination")),
                ("recipient", ExactTextField(max_length=128, null=True, verbose_name="digest of the recipient")),
                ("stamp", ExactTextField(max_length=128, null=True, verbose_name="digest of the security stamp")),
                ("browser", ExactTextField(max_length=128, null=True, verbose_name="digest of the browser")),
                ("series", ExactTextField(max_length=128, verbose_name="series")),
                ("number", models.BigIntegerField(verbose_name="number in the series")),
                ("origin", ExactTextField(max_length=32, verbose_name="origin")),
                ("parent", ExactTextField(max_length=40, null=True, verbose_name="reissued from")),
                ("supersede", ExactTextField(max_length=32, verbose_name="supersedes")),
                ("generation", models.BigIntegerField(verbose_name="generation")),
                ("series_started_at", models.BigIntegerField(verbose_name="series started at")),
                ("reminded_at", models.BigIntegerField(null=True, verbose_name="reminded at")),
                ("renewed_at", models.BigIntegerField(null=True, verbose_name="renewed at")),
                ("reminders", models.BigIntegerField(verbose_name="reminders")),
                ("renewals", models.BigIntegerField(verbose_name="renewals")),
                ("issued_at", models.BigIntegerField(verbose_name="issued at")),
                ("expires_at", models.BigIntegerField(verbose_name="expires at")),
                ("max_uses", models.BigIntegerField(null=True, verbose_name="uses allowed")),
                ("session_lifetime", models.BigIntegerField(verbose_name="session lifetime")),
                ("mac", ExactTextField(max_length=128, null=True, verbose_name="digest of the record")),
                (
                    "issued_to",
                    ExactTextField(max_length=128, null=True, verbose_name="digest of the recipient at issue"),
                ),
                ("bound", models.BigIntegerField(verbose_name="bound to a browser")),
                ("opens", ExactTextField(max_length=32, verbose_name="opens")),
                ("ends_with", models.BigIntegerField(verbose_name="ends with")),
                ("language", ExactTextField(max_length=255, null=True, verbose_name="language")),
                ("metadata", ExactTextField(max_length=1024, null=True, verbose_name="metadata")),
                ("issued_by", ExactTextField(max_length=255, verbose_name="issued by")),
                ("code", ExactTextField(max_length=128, null=True, verbose_name="digest of the code")),
                ("passphrase", ExactTextField(max_length=255, null=True, verbose_name="hash of the passphrase")),
                ("code_expires_at", models.BigIntegerField(null=True, verbose_name="code expires at")),
                ("attempts", models.BigIntegerField(verbose_name="attempts at the code")),
                ("openings", models.BigIntegerField(verbose_name="openings")),
                ("first_opened_at", models.BigIntegerField(null=True, verbose_name="first opened at")),
                ("last_opened_at", models.BigIntegerField(null=True, verbose_name="last opened at")),
                ("evidence", models.BigIntegerField(verbose_name="evidence of an opening")),
                ("bounced_at", models.BigIntegerField(null=True, verbose_name="bounced at")),
                ("bounce", ExactTextField(max_length=255, null=True, verbose_name="bounce")),
                ("uses", models.BigIntegerField(verbose_name="uses")),
                ("first_used_at", models.BigIntegerField(null=True, verbose_name="first used at")),
                ("last_used_at", models.BigIntegerField(null=True, verbose_name="last used at")),
                ("attempt", ExactTextField(max_length=128, null=True, verbose_name="digest of the last use")),
                ("delivered_at", models.BigIntegerField(null=True, verbose_name="delivered at")),
                ("superseded_at", models.BigIntegerField(null=True, verbose_name="superseded at")),
                ("superseded_by", ExactTextField(max_length=40, null=True, verbose_name="superseded by")),
                ("revoked_at", models.BigIntegerField(null=True, verbose_name="revoked at")),
                ("revoked_by", ExactTextField(max_length=255, verbose_name="revoked by")),
                ("revoke_reason", ExactTextField(max_length=255, verbose_name="reason of the revocation")),
            ],
            options={
                "verbose_name": "link",
                "verbose_name_plural": "links",
                "db_table": "magiclink_links",
                "default_permissions": ("view", "change"),
            },
        ),
        migrations.CreateModel(
            name="Name",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "bucket", "name", "link", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("bucket", ExactTextField(max_length=16, verbose_name="bucket")),
                ("name", ExactTextField(max_length=32, verbose_name="name")),
                ("link", ExactTextField(max_length=52, verbose_name="link")),
            ],
            options={
                "verbose_name": "name",
                "verbose_name_plural": "names",
                "db_table": "magiclink_names",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "link", "kind", "hour", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("link", ExactTextField(max_length=52, verbose_name="link")),
                ("kind", ExactTextField(max_length=255, verbose_name="kind")),
                ("hour", models.BigIntegerField(verbose_name="hour")),
                ("at", models.BigIntegerField(verbose_name="at")),
                ("reason", ExactTextField(max_length=255, verbose_name="reason")),
            ],
            options={
                "verbose_name": "note",
                "verbose_name_plural": "notes",
                "db_table": "magiclink_notes",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PasswordRehash",
            fields=[
                ("subject", ExactTextField(max_length=255, primary_key=True, serialize=False, verbose_name="subject")),
                ("password", models.CharField(max_length=64, verbose_name="digest of the stored password")),
                ("stamp", models.CharField(max_length=64, verbose_name="stamp")),
            ],
            options={
                "verbose_name": "password rehash",
                "verbose_name_plural": "password rehashes",
                "db_table": "magiclink_password_rehashes",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Subject",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "audience", "subject", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("audience", ExactTextField(max_length=255, verbose_name="audience")),
                ("subject", ExactTextField(max_length=255, verbose_name="subject")),
                ("generation", models.BigIntegerField(verbose_name="generation")),
                ("number", models.BigIntegerField(verbose_name="number")),
                ("last_link", ExactTextField(max_length=40, verbose_name="last link")),
                ("revoked_at", models.BigIntegerField(null=True, verbose_name="revoked at")),
                ("reason", ExactTextField(max_length=255, verbose_name="reason")),
            ],
            options={
                "verbose_name": "subject",
                "verbose_name_plural": "subjects",
                "db_table": "magiclink_subjects",
                "default_permissions": (),
            },
        ),
    ]
