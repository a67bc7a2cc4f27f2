"""The contract of a store (`magiclink.stores.base`), as tests: each names the rule that it tests by its number.

Whoever writes a store subclasses it in a file that pytest collects:

    class TestMyStore(StoreContract):
        def make_store(self) -> Store:
            return MyStore("my-store:///test")      # new and empty each time; the contract closes it

Nothing else is needed. What a store needs (a folder, a server) comes from an autouse fixture of the subclass.
`rounds` says how often a race is run. For messages that show values, a conftest says
`pytest.register_assert_rewrite("magiclink.testing.contract")` before it imports this. Nothing here imports `web`.
"""

from .adding import Adding
from .audiences import Audiences
from .bench import record, terms
from .consuming import Consuming
from .counting import Counting
from .fidelity import Fidelity
from .finding import Finding
from .keeping import Keeping
from .racing import Racing
from .revoking import Revoking
from .superseding import Superseding

__all__ = ["StoreContract", "record", "terms"]


class StoreContract(Audiences, Adding, Superseding, Consuming, Revoking, Finding, Counting, Keeping, Fidelity, Racing):
    """Every rule of the contract; subclass it and give `make_store`."""
