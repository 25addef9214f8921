"""The generated shop as a whole, made from a seed and the moment that it is now."""

from dataclasses import dataclass
from random import Random

from tests.generated.catalog import Catalog, make_catalog
from tests.generated.orders import Orders
from tests.generated.people import People
from tests.generated.steps import Act, Message, Step, in_natural_order

SEED = 20_250_601


@dataclass(frozen=True)
class GeneratedShop:
    """What there is and what happened, and every step in which a server is told of it, in natural order."""

    now: int
    catalog: Catalog
    people: People
    orders: Orders
    steps: list[Step]

    @property
    def acts(self) -> list[Act]:
        """What people did, in the order in which it is told."""
        return [step for step in self.steps if isinstance(step, Act)]

    @property
    def messages(self) -> list[Message]:
        """What the shop's own system said."""
        return [step for step in self.steps if isinstance(step, Message)]


def make_generated_shop(now: int, seed: int = SEED) -> GeneratedShop:
    """The shop at the moment ``now`` (milliseconds since the epoch): the same for the same seed and moment."""
    chance = Random(seed)
    catalog = make_catalog(chance, now)
    people = People(chance, now)
    orders = Orders(chance, now, catalog, people)
    return GeneratedShop(now, catalog, people, orders, in_natural_order([*catalog.messages, *people.acts, *orders.messages]))
