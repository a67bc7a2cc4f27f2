"""What only the web conversation uses: a check of an opened token, seals, limits, addresses on file.

Each takes `now` and what was proved or read before, so that a request reads the clock, a token and a record once. The
conversation is trusted with more than an app: it sees whom a link is for before the link is used, and shows it to
nobody.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import BadArgumentError
from ..events import Kind
from ..records import Record
from .arguments import digest_nonce, parse_link_id, read_browser
from .redeeming import Admit, Attempt, Redeeming

if TYPE_CHECKING:
    from ..crypto.tokens import Genuine


class WebCalls(Redeeming):
    """begin_attempt, is_recipient, choose_recipient, seal, unseal, hit, find_record, note_limited."""

    def begin_attempt(
        self,
        genuine: "Genuine",
        now: int,
        *,
        browser: str | None,
        nonce: str | None = None,
        admit: Admit | None = None,
        is_noted: bool = True,
    ) -> Attempt:
        """Begin to open a link of any policy, for `check` or `use`; without `is_noted`, its history isn't written."""
        policy = self.policies[genuine.purpose]
        return Attempt(genuine.link_id, policy, now, read_browser(browser), digest_nonce(nonce), admit, is_noted)

    def is_recipient(self, recipient: bytes | None, address: str) -> bool:
        """Return whether an address on file is the one that a link was mailed to; what is no address isn't."""
        try:
            return self._digests.matches("recipient", recipient, self._fold_address(address))
        except BadArgumentError:
            return False

    def choose_recipient(self, record: Record, addresses: Iterable[str]) -> str | None:
        """Return that of the addresses on file to which a link was mailed, or None."""
        return next((each for each in addresses if self.is_recipient(record.recipient, each)), None)

    def seal(self, kind: str, value: bytes, *, expires_at: int) -> str:
        """Seal a value for a cookie or a form: only `unseal` with the same kind reads it, until `expires_at`."""
        return self._seals.seal(kind, value, expires_at=expires_at)

    def unseal(self, kind: str, text: object, *, now: int) -> bytes | None:
        """Return a sealed value; None for anything that isn't ours, of this kind and in date."""
        return self._seals.unseal(kind, text, now=now)

    async def hit(self, limit_key: str, *, limit: int, window: int, now: int) -> bool:
        """Count one under a limit key; return whether it was within the limit of this window (microseconds)."""
        digest = self._digests.digest("limit", limit_key)
        return await self._call_store(self.store.hit, digest, now=now, limit=limit, window=window) is None

    async def find_record(self, link_id: str) -> Record | None:
        """Return a link's record, or None where it's unknown."""
        raw = parse_link_id(link_id)
        return None if raw is None else await self._call_store(self.store.get, self.audience, raw)

    async def note_limited(self, record: Record | None, now: int, *, link_id: str | None = None) -> None:
        """Note that a mail was asked for once too often: in the history of its link, where it's about one."""
        if record is None:
            self._emit_event(Kind.LIMITED, now, link_id=link_id)
        else:
            await self._note(Kind.LIMITED, record, at=now)
