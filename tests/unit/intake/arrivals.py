"""What the tests of intake share: one arrival, and reading an event that must be good or must be refused."""

from typing import Any

from footfall.clock import Milliseconds
from footfall.event import Event
from footfall.identifiers import ShopId
from footfall.intake.reading import Arrival, Read, read_event
from footfall.intake.rejection import Rejected

NOW = Milliseconds(1_790_000_000_000)
EMAIL_KEY = b"k" * 32
ARRIVAL = Arrival(shop=ShopId(1), email_key=EMAIL_KEY, received_at=NOW, session_suffices=True)
V1_ARRIVAL = Arrival(shop=ShopId(1), email_key=EMAIL_KEY, received_at=NOW, session_suffices=False)


def raw(**fields: Any) -> dict[str, Any]:
    """A view of a product as v2 sends it, with other fields over it; a field that is ``...`` is left out."""
    whole = {"subject": "user", "verb": "viewed", "noun": "product", "uuid": "visitor", "product_id": "5", **fields}
    return {name: value for name, value in whole.items() if value is not ...}


def read(arrival: Arrival = ARRIVAL, /, **fields: Any) -> Read:
    """An event that can be stored, and its warnings."""
    found = read_event(raw(**fields), arrival)
    assert isinstance(found, Read), found
    return found


def kept(**fields: Any) -> Event:
    """What is stored of an event that has nothing wrong with it."""
    found = read(**fields)
    assert found.warnings == []
    return found.event


def refused(arrival: Arrival = ARRIVAL, /, **fields: Any) -> Rejected:
    """Why an event is refused."""
    found = read_event(raw(**fields), arrival)
    assert isinstance(found, Rejected), found
    return found
