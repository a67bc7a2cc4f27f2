"""The app's own books in SQLite: suppliers, customers, their contacts, invoices. It knows nothing of links."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contacts (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers,
                                     address TEXT NOT NULL, active INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS invoices (number INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers,
                                     title TEXT NOT NULL, cents INTEGER NOT NULL, paid_at TEXT);
"""
_CONTACTS = "SELECT id, customer, address, active FROM contacts"
_INVOICES = "SELECT number, customer, title, cents, paid_at FROM invoices"


class UnknownError(LookupError):
    """There is nothing of this number in the books."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A company that gets invoices."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at a customer's who gets its invoices; one that isn't active has left."""

    id: int
    customer: int
    address: str
    active: bool


@dataclass(frozen=True, slots=True)
class Invoice:
    """What the supplier wants to be paid for."""

    number: int
    customer: int
    title: str
    cents: int
    paid_at: str | None


class Ledger:
    """The books, one statement a call; threads take turns. UnknownError where a number isn't in them."""

    def __init__(self, path: Path) -> None:
        self._books = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._books.executescript(_SCHEMA)
        self._turn = Lock()

    def add_customer(self, name: str) -> Customer:
        """Enter a customer."""
        self._ask("INSERT INTO customers (name) VALUES (?)", name)
        return self.customers()[-1]

    def add_contact(self, customer: int, address: str) -> None:
        """Enter a contact of a customer."""
        self._ask("INSERT INTO contacts (customer, address) VALUES (?, ?)", self.customer(customer).id, address)

    def add_invoice(self, customer: int, title: str, cents: int, *, number: int) -> None:
        """Enter an invoice to a customer."""
        values = "INSERT INTO invoices (number, customer, title, cents) VALUES (?, ?, ?, ?)"
        self._ask(values, number, customer, title, cents)

    def customers(self) -> list[Customer]:
        """Return every customer."""
        return [Customer(*row) for row in self._ask("SELECT id, name FROM customers ORDER BY id")]

    def customer(self, customer: int) -> Customer:
        """Look a customer up."""
        return Customer(*self._one("SELECT id, name FROM customers WHERE id = ?", customer))

    def contact(self, contact: int) -> Contact:
        """Look a contact up, one who has left too."""
        return Contact(*self._one(f"{_CONTACTS} WHERE id = ?", contact))

    def contacts_of(self, customer: int) -> list[Contact]:
        """Return the contacts of a customer."""
        return [Contact(*row) for row in self._ask(f"{_CONTACTS} WHERE customer = ? AND active ORDER BY id", customer)]

    def contacts_at(self, address: str) -> list[Contact]:
        """Return the contacts that have this address; only the letters A to Z match in either case."""
        found = self._ask(f"{_CONTACTS} WHERE address = ? COLLATE NOCASE AND active ORDER BY id", address)
        return [Contact(*row) for row in found]

    def invoice(self, number: int) -> Invoice:
        """Look an invoice up."""
        return Invoice(*self._one(f"{_INVOICES} WHERE number = ?", number))

    def invoices(self) -> list[Invoice]:
        """Return every invoice."""
        return [Invoice(*row) for row in self._ask(f"{_INVOICES} ORDER BY number")]

    def invoices_of(self, customer: int) -> list[Invoice]:
        """Return the invoices to a customer."""
        return [Invoice(*row) for row in self._ask(f"{_INVOICES} WHERE customer = ? ORDER BY number", customer)]

    def move(self, contact: int, address: str) -> None:
        """Write down a contact's new address."""
        self._ask("UPDATE contacts SET address = ? WHERE id = ?", address, self.contact(contact).id)

    def leave(self, contact: int) -> None:
        """Write down that a contact has left."""
        self._ask("UPDATE contacts SET active = 0 WHERE id = ?", self.contact(contact).id)

    def pay(self, number: int, at: datetime) -> None:
        """Write down that an invoice was paid; the first payment stays."""
        self._ask("UPDATE invoices SET paid_at = ? WHERE number = ? AND paid_at IS NULL", at.isoformat(), number)

    def close(self) -> None:
        """Close the books."""
        self._books.close()

    def _ask(self, statement: str, *values: object) -> list[Any]:
        with self._turn:
            return self._books.execute(statement, values).fetchall()

    def _one(self, query: str, key: int) -> tuple[Any, ...]:
        try:
            rows = self._ask(query, key)
        except OverflowError:
            # The number comes from an address bar, and SQLite's integers end at 63 bits.
            rows = []
        if not rows:
            raise UnknownError("there is nothing of this number in the books")
        return tuple(rows[0])
