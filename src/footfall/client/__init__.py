"""The Python client, for a shop's own server: tells Footfall what shoppers do, and asks it for lists of products.

``Client`` works in a thread of its own, ``AsyncClient`` in a task. Nothing here knows the server's code.
"""

from footfall.client import events
from footfall.client.asynchronous import AsyncClient
from footfall.client.blocking import Client
from footfall.client.errors import (
    ClosedError,
    NotFlushedError,
    QueueFullError,
    RefusedError,
    RequestFailedError,
    UnavailableError,
    UnknownKeyError,
)
from footfall.client.events import Event, Fields
from footfall.client.reading import Product, Products, Variant
from footfall.client.receipts import Receipt
from footfall.client.tally import Counts
from footfall.errors import FootfallError, InputInvalidError, SettingInvalidError

__all__ = [
    "AsyncClient",
    "Client",
    "ClosedError",
    "Counts",
    "Event",
    "Fields",
    "FootfallError",
    "InputInvalidError",
    "NotFlushedError",
    "Product",
    "Products",
    "QueueFullError",
    "Receipt",
    "RefusedError",
    "RequestFailedError",
    "SettingInvalidError",
    "UnavailableError",
    "UnknownKeyError",
    "Variant",
    "events",
]
