/** What docs/guides/hydrogen.md uses of the analytics bus of Hydrogen 2026-10, as its reference describes it. */
interface CartLine {
  quantity: number;
  merchandise: { id: string; price: { amount: string; currencyCode?: string }; product: { id: string; handle?: string } };
}

interface Bus {
  addDestination(destination: {
    name: string;
    setup(context: {
      subscribe(
        event: "product_added_to_cart" | "product_removed_from_cart",
        callback: (payload: { prevLine?: CartLine; currentLine?: CartLine }) => void,
      ): () => void;
    }): void;
  }): () => void;
}

interface Window {
  Shopify?: { analytics?: Bus };
}
