"""The tables of the tests' own user models."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

import django.contrib.auth.models
from django.db import migrations, models


def _fields(**own: Any) -> list[tuple[str, Any]]:
    return [
        ("password", models.CharField(max_length=128, verbose_name="password")),
        ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
        *own.items(),
    ]


class Migration(migrations.Migration):
    """Members, shoppers, guests, and clerks, who are Django's own users."""

    initial = True
    dependencies: ClassVar = [("auth", "0012_alter_user_first_name_max_length")]
    operations: ClassVar = [
        migrations.CreateModel(
            "Member",
            _fields(
                id=models.UUIDField(default=uuid4, primary_key=True, serialize=False),
                mail=models.CharField(max_length=255),
            ),
            {"abstract": False},
        ),
        migrations.CreateModel(
            "Shopper",
            _fields(name=models.CharField(max_length=40, primary_key=True, serialize=False)),
            {"abstract": False},
        ),
        migrations.CreateModel(
            "Guest",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.CharField(max_length=255)),
            ],
        ),
        migrations.CreateModel(
            "Clerk",
            [],
            {"proxy": True, "indexes": [], "constraints": []},
            bases=("auth.user",),
            managers=[("objects", django.contrib.auth.models.UserManager())],
        ),
    ]
