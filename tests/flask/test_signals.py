"""What happened to links, as a signal of the app's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink import SIGN_IN
from magiclink.flask import link_event, send_signal
from tests.stage import Stage

if TYPE_CHECKING:
    import pytest

    from magiclink import Event


def test_signals(caplog: pytest.LogCaptureFixture) -> None:
    """`on_event=send_signal` tells whoever listens to `link_event`, and the log."""
    caplog.set_level("INFO", "magiclink")
    heard: list[Event] = []

    def listen(sender: object, event: Event) -> None:
        heard.append(event)

    stage = Stage(on_event=send_signal)
    with link_event.connected_to(listen):
        stage.links.redeem(stage.tokens["sign_in"], SIGN_IN)
    assert caplog.messages[-1].startswith("redeemed link=")
    assert [event.kind for event in heard] == ["redeemed"]
    assert stage.tokens["sign_in"] not in repr(heard)
