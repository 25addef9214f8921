"""Names: which product a reference stands for, by the catalog and by what events tied to each other, when it is asked."""

from footfall.identifiers import ProductReference, ShopId
from footfall.projections.cards import reference_of
from footfall.projections.catalog import Catalog
from footfall.projections.sightings import Sightings


class Names:
    """The question, over the projections that know."""

    def __init__(self, catalog: Catalog, sightings: Sightings) -> None:
        self._catalog = catalog
        self._sightings = sightings

    def has_catalog(self, shop: ShopId) -> bool:
        """Whether the shop has one."""
        return self._catalog.has_products(shop)

    def changes(self, shop: ShopId) -> int:
        """Counts the changes of the shop's catalog."""
        return self._catalog.changes(shop)

    def is_in_catalog(self, shop: ShopId, reference: ProductReference) -> bool:
        """Whether a reference stands for a product that the catalog has, or had."""
        return self._key(shop, reference)[0] is not None

    def product(self, shop: ShopId, reference: ProductReference) -> ProductReference:
        """One reference for all names of a product: ``p:<id>`` where the id is known."""
        key, named = self._key(shop, reference)
        return reference_of(key) if key is not None else named

    def _key(self, shop: ShopId, reference: ProductReference) -> tuple[str | None, ProductReference]:
        """The catalog's key, and the reference by which events know the product."""
        key = self._catalog.key_of(shop, reference)
        if key is not None:
            return key, reference
        named, told = self._sightings.product(shop, reference)
        for prefix, value in (("p:", told.product_id), ("h:", told.handle), ("v:", told.variant_id)):
            key = self._catalog.key_of(shop, prefix + value) if value is not None else None
            if key is not None:
                return key, named
        return None, named
