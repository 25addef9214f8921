// A page's own script, beside the tag that loads footfall.js.
/// <reference path="../../sdk/footfall.d.ts" />

footfall?.viewed("linen-shirt");
footfall?.viewed(5630650697948, { widget_id: "hero" });
const id: string | undefined = footfall?.added({ id: 1, handle: "linen-shirt", title: "Linen shirt", tags: ["new"] }, { quantity: 2, price: "19.90" });
const ids: (string | undefined)[] | undefined = footfall?.purchased({ order_id: 1001, currency: "EUR", lines: [{ product_id: 1, quantity: 1 }] });
footfall?.track("user", "searched", "term", { defined_noun_id: "mug", meta: { filters: "blue" } });
footfall?.identify("7", { signature: "abc" });
footfall?.reset();
footfall?.reset("an-id-of-the-server");
footfall?.consent(true);
(window.footfallReady ??= { push: (work) => work(new Footfall({ key: "KEY" })) }).push((client) => client.flush());

const known: boolean | null | undefined = footfall?.allowed;
const uuid: string | null | undefined = footfall?.uuid;
footfall?.addEventListener("sent", ({ detail }) => detail.receipts.map(({ status, position }) => [status, position]));
footfall?.addEventListener("rejected", ({ detail }) => detail.error.toUpperCase());

// @ts-expect-error: the page's client is there only where the tag has a key.
footfall.viewed("linen-shirt");
// @ts-expect-error: a product has a name.
footfall?.viewed();
// @ts-expect-error: neither is a truth value one.
footfall?.viewed(true);
// @ts-expect-error: prices are decimal texts.
footfall?.added("linen-shirt", { price: 19.9 });
// @ts-expect-error: an order has lines.
footfall?.purchased({ order_id: "1001" });
// @ts-expect-error: an event is three words.
footfall?.track("user", "searched");
// @ts-expect-error: consent is given or refused.
footfall?.consent("granted");
// @ts-expect-error: a shop has a key.
new Footfall({ host: "https://events.shop.example" });
// @ts-expect-error: who the visitor is, is set by reset().
if (footfall) footfall.uuid = "another";
// @ts-expect-error: there is no such method.
footfall?.view("linen-shirt");
// @ts-expect-error: what was sent has receipts, not an error.
footfall?.addEventListener("sent", ({ detail }) => detail.error);

export { id, ids, known, uuid };
