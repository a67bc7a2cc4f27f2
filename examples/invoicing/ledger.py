"""The app's own books in SQLite: suppliers, customers, their contacts, invoices. It knows nothing of links."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS suppliers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, supplier INTEGER NOT NULL REFERENCES suppliers,
                                      name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contacts (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers,
                                     address TEXT NOT NULL, active INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS invoices (number INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers,
                                     title TEXT NOT NULL, cents INTEGER NOT NULL, paid_at TEXT);
"""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at a customer's who gets its invoices."""

    id: int
    customer: int
    address: str
    active: bool


@dataclass(frozen=True, slots=True)
class Invoice:
    """What a supplier wants to be paid for."""

    number: int
    customer: int
    title: str
    cents: int
    paid_at: str | None


class Ledger:
    """The books, one transaction a call."""

    def __init__(self, path: Path) -> None:
        self._books = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._books.executescript(_SCHEMA)

    def add_supplier(self, name: str) -> int:
        """Enter a supplier and give its id."""
        return self._add("INSERT INTO suppliers (name) VALUES (?)", name)

    def add_customer(self, supplier: int, name: str) -> int:
        """Enter a customer of a supplier and give its id."""
        return self._add("INSERT INTO customers (supplier, name) VALUES (?, ?)", supplier, name)

    def add_contact(self, customer: int, address: str) -> Contact:
        """Enter a contact of a customer."""
        return self.contact(self._add("INSERT INTO contacts (customer, address) VALUES (?, ?)", customer, address))

    def add_invoice(self, customer: int, title: str, cents: int, *, number: int) -> Invoice:
        """Enter an invoice to a customer."""
        values = "INSERT INTO invoices (number, customer, title, cents) VALUES (?, ?, ?, ?)"
        return self.invoice(self._add(values, number, customer, title, cents))

    def contact(self, contact: int) -> Contact:
        """Look a contact up; KeyError where there is none."""
        return Contact(*self._one("SELECT id, customer, address, active FROM contacts WHERE id = ?", contact))

    def invoice(self, number: int) -> Invoice:
        """Look an invoice up; KeyError where there is none."""
        return Invoice(
            *self._one("SELECT number, customer, title, cents, paid_at FROM invoices WHERE number = ?", number)
        )

    def move(self, contact: int, address: str) -> None:
        """Write down a contact's new address."""
        self._books.execute("UPDATE contacts SET address = ? WHERE id = ?", (address, contact))

    def pay(self, number: int, at: datetime) -> None:
        """Write down that an invoice was paid."""
        self._books.execute("UPDATE invoices SET paid_at = ? WHERE number = ?", (at.isoformat(), number))

    def close(self) -> None:
        """Close the books."""
        self._books.close()

    def _add(self, statement: str, *values: object) -> int:
        return int(self._books.execute(statement, values).lastrowid or 0)

    def _one(self, query: str, key: int) -> tuple[Any, ...]:
        row = self._books.execute(query, (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return tuple(row)
