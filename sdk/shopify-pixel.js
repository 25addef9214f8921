// Footfall as a custom pixel at Shopify: tells of the checkout, and of all that the theme's script does not. Guide: docs/guides/shopify.md
const FOOTFALL_KEY = "KEY"; // The shop's public key.
const FOOTFALL_HOST = "https://events.shop.example"; // Where Footfall answers.
const FOOTFALL_GPC = ""; // "refuse": Global Privacy Control is a refusal, as with the script.

(() => {
  "use strict";
  const SECOND = 1000;
  const VISIT = 1800 * SECOND; // Each page renews the mark: an older one may be of a script taken out since.
  const SCRIPT_LATE = 10 * SECOND; // So long, what it tells as well waits for it.
  const QUEUE_MAX = 1000;
  const BYTES_MAX = 60000; // Browsers send 64 KiB for pages that are gone.
  const TRIES_MAX = 10;

  const held = []; // What happened, until it is known who tells of it, and of whom.
  const queue = []; // Events, until the server has answered for them.
  let allowed; // Whether the visitor may be known; undefined while nobody has said.
  let visitor; // As last read: { uuid, rsid }, or {} without storage.
  let scriptAt; // Since when the script is there.
  let decideAt = Infinity; // Until when it is waited for.
  let cartBefore; // As the script knew it.

  const load = async (name) => browser.localStorage.getItem(`footfall.${name}`);
  const save = async (name, value) => browser.localStorage.setItem(`footfall.${name}`, value);
  const gpc = navigator.globalPrivacyControl || undefined;
  const warn = (error) => console.warn("Footfall", error);
  const safely = (work) => async (event) => {
    try {
      await work(event);
    } catch (error) {
      warn(error);
    }
  };

  const idOf = (value) => (value == null ? undefined : `${value}`.replace(/^gid:.*\/(\d+).*/, "$1"));
  const decimal = (amount) => (amount >= 0 ? Number(amount).toFixed(4).replace(/00?$/, "") : undefined);
  const productOf = ({ id, title, sku, price, product }) => ({
    noun: "product",
    product_id: idOf(product?.id),
    product_handle: product?.url?.match(/\/products\/([^/?#]+)/)?.[1],
    shopify_product_title: product?.title,
    shopify_variant_id: idOf(id),
    shopify_variant_title: title,
    shopify_variant_sku: sku,
    price: decimal(price?.amount),
    currency: price?.currencyCode,
  });
  const changed = (verb, { merchandise, quantity }) => [{ verb, ...productOf(merchandise), quantity }];
  // A purchase line is known by order and variant: lines of one variant are one.
  const purchased = ({ order, token, currencyCode, lineItems }) => {
    const lines = {};
    for (const { variant, quantity } of lineItems) {
      if (!variant) continue; // A tip is no product.
      const product = productOf(variant);
      const line = (lines[product.shopify_variant_id ?? product.product_id] ??= { product, quantity: 0, amount: 0 });
      line.quantity += quantity;
      line.amount += quantity * variant.price?.amount;
    }
    return Object.entries(lines).map(([line, { product, quantity, amount }]) => ({
      ...product,
      verb: "purchased",
      order_id: idOf(order?.id),
      checkout_token: token,
      quantity,
      price: decimal(amount / quantity),
      currency: currencyCode ?? product.currency,
      line,
    }));
  };
  const TOLD = {
    product_viewed: ({ productVariant }) => [{ verb: "viewed", ...productOf(productVariant) }],
    product_added_to_cart: ({ cartLine }) => changed("added", cartLine),
    product_removed_from_cart: ({ cartLine }) => changed("removed", cartLine),
    search_submitted: ({ searchResult: { query, productVariants } }) => {
      const found = productVariants?.slice(0, 100).map(({ product }) => [`result:${idOf(product.id)}`, true]);
      return [{ verb: "searched", noun: "term", defined_noun_id: query.trim().toLowerCase(), meta: Object.fromEntries(found ?? []) }];
    },
    collection_viewed: ({ collection: { id, title } }) => [{ verb: "viewed", noun: "collection", defined_noun_id: idOf(id), label: title }],
    checkout_completed: ({ checkout }) => purchased(checkout),
  };

  const take = ({ id, name, timestamp, clientId, context, data }) => {
    const { checkout, cartLine, productVariant } = data;
    const page = checkout ? null : context?.document; // A checkout's address opens the checkout.
    const time = Date.parse(timestamp) || Date.now();
    const events = TOLD[name](data).map(({ line, ...fields }) => ({
      subject: "user",
      ...fields,
      event_id: line ? `${id}.${line}` : id,
      event_time: time,
      url: page?.location?.href,
      referrer: page?.referrer,
      gpc,
    }));
    // From the script: a checkout at another address has another storage.
    const uuid = checkout?.attributes?.find(({ key }) => key === "_footfall_uuid")?.value;
    const customer_id = idOf(checkout?.order?.customer?.id ?? init.data?.customer?.id);
    held.push({ events, time, clientId, customer_id, uuid, cartLine, byScript: cartLine || productVariant });
    if (held.length > QUEUE_MAX) held.shift();
    settle();
  };

  // Who tells of it, and of whom.
  const findScript = async () => {
    const mark = await load("script");
    if (Date.now() - mark < VISIT) scriptAt ||= +mark;
  };
  // The visitor is the one that the script keeps. It is made here where there is none, and no script about to make one.
  const findVisitor = async () => {
    let uuid = await load("uuid");
    await findScript(); // After it: a script makes its mark first.
    if (!uuid && scriptAt && Date.now() < decideAt) return;
    const [last_rsid, last] = (await load("session"))?.split(" ") ?? [];
    const rsid = Date.now() - last < VISIT ? last_rsid : crypto.randomUUID();
    const made = held.find((one) => one.uuid)?.uuid ?? crypto.randomUUID();
    if (!allowed) return;
    await Promise.all([uuid || save("uuid", made), save("session", `${rsid} ${Date.now()}`)]);
    uuid ||= await load("uuid");
    visitor = uuid ? { uuid, rsid } : {}; // A storage may forget at once.
  };
  let settling;
  const settle = async () => {
    if (settling || allowed === undefined) return;
    settling = true;
    try {
      await (allowed ? findVisitor() : findScript());
    } catch {
      visitor ??= {};
    }
    settling = false;
    release();
    if (held.length) setTimeout(settle, SECOND / 4);
  };
  const NOBODY = { uuid: null, rsid: null, customer_id: null, checkout_token: null, consent: "denied" };
  const whoOf = ({ clientId, customer_id }) => (allowed ? { uuid: clientId, ...visitor, customer_id, consent: "granted" } : NOBODY);
  // Send what can be decided. All can be when the page goes: what nobody has allowed to be known is then nobody's.
  const release = (leaving) => {
    const late = leaving || Date.now() >= decideAt;
    for (const one of held.splice(0)) {
      // What was added before its first page had the script, the script takes for an old cart.
      if (one.byScript && scriptAt && (!one.cartLine || one.time >= scriptAt || cartBefore)) continue;
      const waits = (allowed && !visitor) || (one.byScript && !scriptAt);
      if (waits && !late) held.push(one);
      else for (const event of one.events) queue.push({ event: { ...event, ...whoOf(one) }, tries: 0 });
    }
    queue.splice(0, queue.length - QUEUE_MAX);
    send(leaving);
  };

  const decide = (granted) => {
    allowed = granted === true && !(gpc && FOOTFALL_GPC === "refuse");
    visitor = undefined;
    decideAt = Date.now() + SCRIPT_LATE;
    settle();
  };
  const hearConsent = async ({ customerPrivacy }) => {
    decide(customerPrivacy.analyticsProcessingAllowed);
    if (allowed && (await load("consent")) === "denied") await save("consent", "granted");
    for (const name of allowed ? [] : ["uuid", "session", "customer", "script"]) await browser.localStorage.removeItem(`footfall.${name}`);
  };
  const start = async () => {
    const said = init.customerPrivacy?.analyticsProcessingAllowed;
    const [before, cart] = await Promise.all([load("consent"), load("cart")]).catch(() => []);
    cartBefore = cart;
    if (allowed === undefined && said !== undefined) decide(said && before !== "denied"); // What the script was told holds as well.
  };

  let failures = 0;
  let pause;
  const batch = () => {
    const parts = [], sent_at = Date.now();
    let bytes = 2;
    for (const { event } of queue) {
      if (!allowed) Object.assign(event, NOBODY); // Refused while it waited.
      const part = JSON.stringify({ ...event, sent_at }, (_, value) => value ?? undefined);
      bytes += new Blob([part]).size + 1;
      if (parts.length && bytes > BYTES_MAX) break;
      parts.push(part);
    }
    return [queue.splice(0, parts.length), `[${parts}]`];
  };
  const post = async ([entries, body]) => {
    const address = `${FOOTFALL_HOST.replace(/\/$/, "")}/api/v2/analytics/event/bulk?key=${FOOTFALL_KEY}`;
    let answer, said;
    try {
      // As text: browsers send that without asking first.
      answer = await fetch(address, { method: "POST", body, keepalive: true, signal: AbortSignal.timeout?.(20 * SECOND) });
      said = await answer.text(); // Unread, it takes up room of what may outlive the page.
    } catch {}
    const { ok, status, headers } = answer ?? {};
    if (said && status < 500 && status !== 408 && status !== 429) {
      failures = 0;
      return ok || warn(said);
    }
    queue.unshift(...entries.filter((entry) => ++entry.tries < TRIES_MAX));
    const wait = Math.max(Math.min(60, 2 ** failures++) * (0.5 + Math.random() / 2), Math.min(60, headers?.get("Retry-After")) || 0);
    clearTimeout(pause);
    pause = setTimeout(() => send((pause = null)), wait * SECOND);
  };
  let sending;
  const send = async (leaving) => {
    while (leaving && queue.length) post(batch());
    if (sending) return;
    sending = true;
    while (queue.length && !pause) await post(batch());
    sending = false;
  };

  addEventListener("pagehide", () => release(true));
  document.addEventListener("visibilitychange", () => document.hidden && release(true));
  safely(start)();
  safely(() => api.customerPrivacy.subscribe("visitorConsentCollected", safely(hearConsent)))();
  // footfall-shopify.js says so on each page, also where it may not leave its mark.
  safely(() => analytics.subscribe("footfall_script", ({ timestamp }) => (scriptAt ||= Date.parse(timestamp))))();
  for (const name of Object.keys(TOLD)) safely(() => analytics.subscribe(name, safely(take)))();
})();
