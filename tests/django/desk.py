"""A site with its own accounts for the tests of what stands around the conversation: users, links, mails, the admin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from magiclink import CLIENT_PORTAL, INVOICE, SIGN_IN, Key, KeyRing, Link, MagicLinks
from magiclink.django.store import DjangoStore
from magiclink.testing import FrozenClock, Outbox

if TYPE_CHECKING:
    from magiclink import Policy
    from magiclink.stores.base import Store

BACKENDS = ["django.contrib.auth.backends.ModelBackend", "magiclink.django.backends.MagicLinkBackend"]
LIST = "/admin/magiclink/link/"
POLICIES = (INVOICE, SIGN_IN, CLIENT_PORTAL)


class Desk:
    """The site: links in the site's database, users with addresses, a mailbox, and a clock that stands still."""

    def __init__(self, settings: Any, *policies: Policy, store: Store | None = None, **options: Any) -> None:
        self.clock = FrozenClock()
        self.outbox = Outbox()
        self.key = KeyRing(signing=Key.generate())
        self.store = store or DjangoStore()
        self.links = self.made(*policies)
        settings.AUTHENTICATION_BACKENDS = BACKENDS
        settings.MAGICLINK = {"LINKS": self.links, "MAILER": self.outbox, **options}

    def made(self, *policies: Policy, **changed: Any) -> MagicLinks:
        """Make links over the same key, store and clock, with other policies, say."""
        plain = {"keys": self.key, "store": self.store, "clock": self.clock, "base_url": "https://billing.example/l/"}
        return MagicLinks(**{**plain, "policies": policies or POLICIES, **changed})

    def invoice(self, user: User, number: int = 1001, **changed: Any) -> Link:
        """Issue a link to an invoice, to the address on file."""
        order = {"subject": str(user.pk), "resource": f"invoice:{number}", "recipient": user.email}
        return self.links.issue(INVOICE, **{**order, **changed})


def customer(name: str = "ann", email: str = "ann@acme.example", **fields: Any) -> User:
    """Put a customer on file, as a site without passwords does."""
    return User.objects.create_user(name, email, **fields)


def browser(*permissions: str) -> Client:
    """Open the browser of one of the staff, who may do these things with links."""
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(staff, "django.contrib.auth.backends.ModelBackend")
    return client


def page(client: Client, url: str, **query: str) -> str:
    """Look at a page of the admin, over https and by the site's name."""
    response = client.get(url, query, secure=True, headers={"Host": "billing.example"})
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def listed(html: str) -> list[str]:
    """Return the link ids that a list shows, in its order."""
    return re.findall(r'<a href="[^"]+/change/[^"]*">([0-9a-f]{40})</a>', html)
