"""``/api/v1/products/purchased``: what a customer has bought, newest first, to buy it again."""

from collections.abc import Iterable
from typing import Any

from footfall.api.exchange import NO_STORE, Answer, Exchange
from footfall.api.parts import Parts
from footfall.api.products import Context, Products, Question, Told, product_references, read_list
from footfall.api.viewed import read_identity, require_may_read
from footfall.catalog.product import known
from footfall.catalog.told import id_number
from footfall.identifiers import CustomerId, ProductReference, ShopId, Uuid


class Purchased:
    """The handler. Units of each product, after refunds and cancellations; orders and events of one purchase are one."""

    def __init__(self, parts: Parts, products: Products) -> None:
        self._parts = parts
        self._products = products

    async def __call__(self, exchange: Exchange) -> Answer:
        question = await self._products.question(exchange, hidden=True)
        fields = question.fields
        uuid, customer = read_identity(fields)
        require_may_read(question.caller, customer)
        shop = question.caller.shop.id
        left_out = {
            self._parts.names.product(shop, reference)
            for reference in product_references(read_list(fields, "shopify_product_ids", "shopify_product_id"))
        }
        explain = fields.get("explain") == "yes"
        told: list[Told] = []
        for reference, (units, time) in self._units(shop, uuid, customer).items():
            if reference not in left_out:
                more: dict[str, Any] = {"metadata": {"purchased_quantity": str(units)}}
                if explain:
                    more["reasons"] = [{"source": "purchased", "units": units, "last_bought_at": time}]
                told.append((reference, more))
        shown = await self._products.shown_with(question, told)
        return self._products.answer(question, shown, [NO_STORE], self._metadata(question, customer))

    async def references(self, question: Question, context: Context) -> Iterable[ProductReference]:
        """The list's source: what the context's visitor bought."""
        if context.uuid is None and context.customer is None:
            return []
        return self._units(question.caller.shop.id, context.uuid, context.customer)

    def _units(self, shop: ShopId, uuid: Uuid | None, customer: CustomerId | None) -> dict[ProductReference, tuple[int, int]]:
        """Units of each product and when it was bought last, the newest first."""
        found: dict[ProductReference, tuple[int, int]] = {}
        for bought in self._parts.buyers.bought(shop, uuid, customer):
            reference = self._parts.names.product(shop, bought.reference)
            units, time = found.get(reference, (0, bought.time))
            found[reference] = units + bought.units, time
        return found

    def _metadata(self, question: Question, customer: CustomerId | None) -> dict[str, Any] | None:
        """The customer, whose names are for the secret key alone."""
        if customer is None:
            return None
        shown: dict[str, Any] = {"id": id_number(customer), "first_name": None, "last_name": None}
        if question.caller.secret:
            told = self._parts.buyers.customer(question.caller.shop.id, customer)
            shown |= {"first_name": known(told.first_name), "last_name": known(told.last_name)}
        return {"shopify_customer": shown}
