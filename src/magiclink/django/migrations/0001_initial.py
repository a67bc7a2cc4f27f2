"""Make the tables of the Django store."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import migrations, models

from ..fields import ExactTextField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    """Nine tables; which, `models.py` says."""

    initial: ClassVar[bool | None] = True
    dependencies: ClassVar[Sequence[tuple[str, str]]] = []

    operations: ClassVar[Sequence[Operation]] = [
        migrations.CreateModel(
            name="Closing",
            fields=[
                ("pk", models.CompositePrimaryKey("link", "redeemed_at", serialize=False)),
                ("link", ExactTextField(max_length=52)),
                ("redeemed_at", models.BigIntegerField()),
                ("until", models.BigIntegerField()),
            ],
            options={"db_table": "magiclink_closings", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Limit",
            fields=[
                ("pk", models.CompositePrimaryKey("ends_at", "limit_key", "span", serialize=False)),
                ("ends_at", models.BigIntegerField()),
                ("limit_key", ExactTextField(max_length=128)),
                ("span", models.BigIntegerField()),
                ("hits", models.BigIntegerField()),
            ],
            options={"db_table": "magiclink_limits", "default_permissions": ()},
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
            name="Lookup",
            fields=[
                ("pk", models.CompositePrimaryKey("period", "key", "link", serialize=False)),
                ("period", ExactTextField(max_length=16)),
                ("key", ExactTextField(max_length=32)),
                ("link", ExactTextField(max_length=52)),
            ],
            options={"db_table": "magiclink_lookups", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("pk", models.CompositePrimaryKey("link", "kind", "hour", serialize=False)),
                ("link", ExactTextField(max_length=52)),
                ("kind", ExactTextField(max_length=255)),
                ("hour", models.BigIntegerField()),
                ("at", models.BigIntegerField()),
                ("reason", ExactTextField(max_length=255)),
            ],
            options={"db_table": "magiclink_notes", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="PasswordRehash",
            fields=[
                ("subject", ExactTextField(max_length=255, primary_key=True, serialize=False)),
                ("password", models.CharField(max_length=64)),
                ("stamp", models.CharField(max_length=64)),
            ],
            options={"db_table": "magiclink_password_rehashes", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Settlement",
            fields=[
                ("pk", models.CompositePrimaryKey("audience", "resource", serialize=False)),
                ("audience", ExactTextField(max_length=255)),
                ("resource", ExactTextField(max_length=255)),
                ("at", models.BigIntegerField()),
                ("reason", ExactTextField(max_length=255)),
                ("by", ExactTextField(max_length=255)),
                ("purpose", ExactTextField(max_length=255, null=True)),
                ("leads_to", ExactTextField(max_length=255, null=True)),
                ("destination", ExactTextField(max_length=2000, null=True)),
            ],
            options={"db_table": "magiclink_settlements", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Subject",
            fields=[
                ("pk", models.CompositePrimaryKey("audience", "subject", serialize=False)),
                ("audience", ExactTextField(max_length=255)),
                ("subject", ExactTextField(max_length=255)),
                ("generation", models.BigIntegerField()),
                ("number", models.BigIntegerField()),
                ("last_link", ExactTextField(max_length=40)),
                ("revoked_at", models.BigIntegerField(null=True)),
                ("reason", ExactTextField(max_length=255)),
            ],
            options={"db_table": "magiclink_subjects", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Wait",
            fields=[
                ("pk", models.CompositePrimaryKey("link", "nonce", serialize=False)),
                ("link", ExactTextField(max_length=52)),
                ("nonce", ExactTextField(max_length=128)),
                ("until", models.BigIntegerField()),
                ("failures", models.BigIntegerField()),
            ],
            options={"db_table": "magiclink_waits", "default_permissions": ()},
        ),
    ]
