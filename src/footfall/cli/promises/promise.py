"""What a promise is, how a host is held against one, and the visitor whose events it sends."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from random import SystemRandom
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlencode

import msgspec

from footfall.cli.promises.host import Answer, Broken, Host
from footfall.errors import FootfallError

V1: Final = "/api/v1/analytics/event"
V2: Final = "/api/v2/analytics/event"
V2_OLDER: Final = "/admin/api/v2/event"
BULK: Final = "/api/v2/analytics/event/bulk"
PIXEL: Final = "/api/v1/analytics/event.gif"
PRODUCTS: Final = "/api/v1/products/"
VIEWED: Final = PRODUCTS + "viewed"

JSON: Final = {"Content-Type": "application/json"}
TOKEN: Final = "X-Rebuy-User-Token"  # noqa: S105  # a header's name
PAGE: Final = "https://shop.example"
"""The origin of a page that calls."""
FROM_PAGE: Final = {"Origin": PAGE}

PRODUCTS_WANTED: Final = 6
"""Different products that the promises need: one more than a list has unless it is asked for another number."""

Fields = dict[str, Any]
Need = Literal["secret", "catalog", "invented"]
NEEDS: Final[Mapping[Need, str]] = {
    "secret": "needs --secret-key",
    "catalog": "needs --catalog",
    "invented": "can't be tried with --catalog",
}


class Product(NamedTuple):
    """A product that events name."""

    id: str
    handle: str


class Visitor:
    """A visitor whom nobody has seen before, and the products there are for them to look at."""

    def __init__(self, host: Host, products: tuple[Product, ...] = ()) -> None:
        """``products``: of the host's catalog; invented ones unless given."""
        self.host = host
        self.uuid = str(uuid.uuid4())
        self.customer = str(_CHANCE.randrange(10**12, 10**13))
        self.products = products or tuple(invented(PRODUCTS_WANTED))
        # A Footfall whose shop has a catalog shows no product beside it unless it is asked to; others ignore the word.
        self._any = {} if products else {"catalog": "any"}

    def view(self, product: Product, **more: Any) -> Fields:
        """A view as v1 has it."""
        fields = {"shopify_product_handle": product.handle, "uuid": self.uuid, **more}
        return _present({**_VIEW, "test": "yes", **fields})

    def event(self, product: Product, **more: Any) -> Fields:
        """A view as v2 has it."""
        fields = {"product_id": product.id, "product_handle": product.handle, "uuid": self.uuid, **more}
        return _present({**_VIEW, "test": True, **fields})

    def get(self, path: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """A GET with the key in its query string."""
        return self.host.ask("GET", path, query={"key": self.host.key, **query}, headers=headers)

    def post(self, value: object, path: str = V2, *, query: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """A POST of JSON with the key in the documented header. A header's name is written with ``_``."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.host.ask("POST", path, query=query, headers={TOKEN: self.host.key, **JSON, **named}, body=encoded(value))

    def viewed(self, headers: Mapping[str, str] | None = None, /, **query: str) -> Answer:
        """What the host says that this visitor viewed."""
        return self.get(VIEWED, {"uuid": self.uuid, **self._any, **query}, headers)

    def asked(self, **query: str) -> dict[str, str]:
        """The parameters of a list, without the key."""
        return {**self._any, **query}

    def has_viewed(self, *products: Product, **query: str) -> None:
        """The host says that they viewed these, newest first, and nothing else."""
        names_are(self.viewed(**query), products)

    @property
    def bearer(self) -> dict[str, str]:
        """The header with the secret key; nothing where that was not given."""
        return {"Authorization": f"Bearer {self.host.secret}"} if self.host.secret else {}

    def preflight(self, path: str, method: str, wanted: str, origin: str = PAGE) -> Answer:
        """What a browser asks before such a request."""
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted}
        return self.host.ask("OPTIONS", path, headers={"Origin": origin, **asked})


Scenario = Callable[[Visitor], None]


class Promise(NamedTuple):
    """One promise: what it says, whether it is documented (else Footfall's addition), what it needs, and how it is tried."""

    name: str
    group: str
    says: str
    documented: bool
    needs: Need | None
    scenario: Scenario


class Outcome(NamedTuple):
    """What became of a promise; ``broken`` says why, ``skipped`` what would be needed to try it."""

    promise: Promise
    broken: Broken | None = None
    skipped: str | None = None


class Group:
    """The promises of one subject, in the order of their scenarios, whose docstrings say what is promised."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.promises: list[Promise] = []

    def documented(self, scenario: Scenario) -> Scenario:
        """A promise of the documented wire, or of what its public callers rely on."""
        return self._add(scenario, documented=True)

    def ours(self, scenario: Scenario) -> Scenario:
        """One that Footfall adds."""
        return self._add(scenario, documented=False)

    def needing(self, need: Need, *, documented: bool = False) -> Callable[[Scenario], Scenario]:
        """One that can't be tried without more than an address and a public key."""
        return lambda scenario: self._add(scenario, documented=documented, needs=need)

    def _add(self, scenario: Scenario, *, documented: bool, needs: Need | None = None) -> Scenario:
        name = getattr(scenario, "__name__", "").replace("_", "-")
        says = " ".join((scenario.__doc__ or "").split())
        self.promises.append(Promise(name, self.name, says, documented, needs, scenario))
        return scenario


def outcome(promise: Promise, host: Host, products: tuple[Product, ...] = ()) -> Outcome:
    """Try a promise with a visitor of its own. ``products`` of the host's catalog, where that is to be used."""
    there: Mapping[Need, bool] = {"secret": host.secret is not None, "catalog": bool(products), "invented": not products}
    if promise.needs is not None and not there[promise.needs]:
        return Outcome(promise, skipped=NEEDS[promise.needs])
    try:
        promise.scenario(Visitor(host, products))
    except Broken as broken:
        return Outcome(promise, broken)
    return Outcome(promise)


def catalog_of(host: Host) -> tuple[Product, ...]:
    """Products of the host's own catalog: those that sell best. Raises ``FootfallError`` where it doesn't tell enough."""
    try:
        listed = Visitor(host).get(PRODUCTS + "top_sellers", {"limit": "50"}).products()
    except Broken as broken:
        raise FootfallError(f"{host.url} doesn't tell its top sellers: {broken.came}") from broken
    found = [
        Product(str(product["id"]), product["handle"])
        for product in listed
        if product.get("catalog") is not False and product.get("id") and product.get("handle")
    ]
    if len(found) < PRODUCTS_WANTED:
        raise FootfallError(
            f"--catalog takes products from the top sellers of {host.url}, and only {len(found)} of them have an id and a "
            f"handle in its catalog; {PRODUCTS_WANTED} are needed."
        )
    return tuple(found[:PRODUCTS_WANTED])


def invented(count: int) -> Iterable[Product]:
    """Products that no shop has."""
    mark = f"conformance-{_CHANCE.getrandbits(48):012x}"
    first = _CHANCE.randrange(99 * 10**11, 10**13 - count)
    return (Product(str(first + number), f"{mark}-{number + 1}") for number in range(count))


def names_are(answer: Answer, products: Iterable[Product]) -> None:
    """The answer lists these products, by handle, in this order, and no other."""
    wanted = [product.handle for product in products]
    came = [product.get("handle") for product in answer.products()]
    answer.require(came == wanted, f"the products {_listed(wanted)}", f"{_listed(came)}")


def encoded(value: object) -> bytes:
    """A body of JSON."""
    return msgspec.json.encode(value)


def form(fields: Mapping[str, str]) -> bytes:
    """A body of a form."""
    return urlencode(fields).encode()


def _present(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(str, names)) or "none"


_VIEW: Final = {"subject": "user", "verb": "viewed", "noun": "product"}
_CHANCE: Final = SystemRandom()
