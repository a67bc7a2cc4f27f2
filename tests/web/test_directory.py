"""What the app tells of its accounts."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from magiclink.web import Account
from magiclink.web.directory import MOST_ACCOUNTS
from tests.web.conftest import ANN, Accounts

if TYPE_CHECKING:
    from magiclink.web import Directory


def test_account_is_frozen() -> None:
    """An account is a value: nobody changes where its mail goes on the way."""
    account = Account(subject="ann", addresses=(ANN,))
    with pytest.raises(FrozenInstanceError):
        account.addresses = ("eve@evil.example",)  # type: ignore[misc]


def test_account_is_active_by_default() -> None:
    """An app without locked accounts needn't say that an account is active."""
    assert Account(subject="ann", addresses=(ANN,)).active
    assert not Account(subject="ann", addresses=(ANN,), active=False).active


def test_account_takes_no_positions() -> None:
    """Subject and address can't be swapped by accident."""
    with pytest.raises(TypeError):
        Account("ann", (ANN,))  # type: ignore[call-arg]


def test_most_accounts() -> None:
    """L06: one request sends five mails at most, however many accounts share an address."""
    assert MOST_ACCOUNTS == 5


def test_any_object_with_two_calls_is_a_directory() -> None:
    """An app's directory needs two calls and inherits nothing."""
    directory: Directory = Accounts()
    assert [account.subject for account in directory.by_email(ANN)] == ["ann"]
    assert directory.by_subject("nobody") is None
