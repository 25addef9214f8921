"""The promises of the wire, as its callers use them, each a small scenario that any host can be held against.

They say themselves what is expected and ask the code that answers for nothing: else a mistake there would be right here too.
"""

from itertools import chain
from typing import Final

from footfall.cli.promises import browsers, events, keys, lists, outcomes, refusals
from footfall.cli.promises.promise import Promise

PROMISES: Final[tuple[Promise, ...]] = tuple(
    chain.from_iterable(module.GROUP.promises for module in (events, outcomes, keys, refusals, browsers, lists))
)
"""Every promise, group by group, in the order in which they are tried."""
