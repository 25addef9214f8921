"""Orders as documents: how they are written into the log, and read back as the latest document says."""

from footfall.identifiers import ShopId
from footfall.log.port import Record
from footfall.order import Order, decode_order, order_document
from footfall.projections.documents import Documents, document_record


class OrderDocuments:
    """Every order that is known, by its id."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def order(self, shop: ShopId, order_id: str) -> Order | None:
        """The order with this id."""
        value = self._documents.raw(order_document(shop, order_id))
        return decode_order(value) if value is not None else None

    def record(self, shop: ShopId, order: Order) -> Record:
        """The record that makes this the latest version of an order."""
        return document_record(order_document(shop, order.id), order)
