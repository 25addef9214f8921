// The demo shop: its cart, and the panel that shows what Footfall sees. Of Footfall it uses the public script alone.
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);
  const currency = document.body.dataset.currency;
  const money = (amount) => new Intl.NumberFormat("en", { style: "currency", currency }).format(amount);
  const made = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };
  const kept = (storage, name, value) => {
    try {
      if (value === undefined) return JSON.parse(storage.getItem(name));
      storage.setItem(name, JSON.stringify(value));
    } catch {}
    return value ?? null;
  };

  // --- The cart: lines { variant, id, handle, title, size, price, quantity, properties }, kept by this browser.
  const cart = {
    lines: kept(localStorage, "demo.cart") ?? [],
    add(line) {
      const same = this.lines.find(({ variant }) => variant === line.variant);
      if (same) same.quantity += line.quantity;
      else this.lines.push(line);
      this.changed();
      footfall.added(line, this.fields(line, line.quantity));
    },
    remove(line, quantity) {
      line.quantity -= quantity;
      this.lines = this.lines.filter((one) => one.quantity > 0);
      this.changed();
      footfall.removed({ id: line.id, handle: line.handle, title: line.title }, this.fields(line, quantity));
    },
    buy() {
      const order_id = String(Date.now());
      // A line says which list it was added from: so its order does.
      const said = ({ id, handle, title, properties }) => ({ id, handle, title, meta: properties, widget_id: properties?._widget_id });
      const lines = this.lines.map((line) => ({ ...said(line), ...this.fields(line, line.quantity) }));
      footfall.purchased({ order_id, currency, lines });
      this.lines = [];
      this.changed();
      return order_id;
    },
    fields: ({ variant, price }, quantity) => ({ shopify_variant_id: variant, quantity, price, currency }),
    total: () => cart.lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0),
    changed() {
      kept(localStorage, "demo.cart", this.lines);
      this.show();
    },
    show() {
      const count = this.lines.reduce((sum, { quantity }) => sum + quantity, 0);
      $("#cart-count").hidden = !count;
      $("#cart-count").textContent = count;
      tellLists(this.lines);
      if ($("#cart")) showCart(this.lines);
    },
  };

  // What is in the cart is left out of what goes with it; on the cart's own page it is what the list goes with.
  function tellLists(lines) {
    const ids = lines.map(({ id }) => id).join(",");
    for (const list of document.querySelectorAll("footfall-products[source^='/custom']")) {
      const parameters = new URLSearchParams(list.getAttribute("parameters") ?? "explain=yes");
      if (ids) parameters.set("cart_items", ids);
      else parameters.delete("cart_items");
      if (list.id === "cart-goes-with") parameters.set("shopify_product_ids", ids);
      if (list.getAttribute("parameters") !== `${parameters}`) list.setAttribute("parameters", parameters);
    }
  }

  function showCart(lines) {
    $("#cart").replaceChildren(...lines.map(cartLine));
    $("#cart-empty").hidden = lines.length > 0 || !$("#thanks").hidden;
    $("#checkout").hidden = lines.length === 0;
    $("#cart-total").textContent = lines.length ? `Together ${money(cart.total())}` : "";
  }

  function cartLine(line) {
    const picture = made("img");
    Object.assign(picture, { src: `/demo/pictures/${line.handle}.svg`, alt: "", width: 72, height: 72 });
    const link = made("a", "", line.title, line.size ? `, ${line.size}` : "");
    link.href = `/demo/products/${line.handle}`;
    const fewer = made("button", "small", "−");
    fewer.ariaLabel = `One less: ${line.title}`;
    fewer.addEventListener("click", () => cart.remove(line, 1));
    const gone = made("button", "small", "Remove");
    gone.ariaLabel = `Remove ${line.title}`;
    gone.addEventListener("click", () => cart.remove(line, line.quantity));
    return made("li", "", picture, link, made("span", "", `${line.quantity} × ${money(line.price)}`), made("span", "buttons", fewer, gone));
  }

  // --- What each page tells.
  function tellPage() {
    const product = $("#product")?.dataset;
    if (product) footfall.viewed({ id: product.id, handle: product.handle, title: product.title }, { price: product.price, currency });
    const collection = $("#collection")?.dataset;
    if (collection) footfall.track("user", "viewed", "collection", { defined_noun_id: collection.handle });
    const words = $("#search")?.dataset.words;
    if (!words) return;
    const found = [...document.querySelectorAll("main > .footfall-list a[data-product]")];
    const meta = Object.fromEntries(found.slice(0, 20).map(({ dataset }) => [`result:${dataset.product}`, true]));
    footfall.track("user", "searched", "term", { defined_noun_id: words.toLowerCase(), meta });
    if (!found.length) footfall.track("search", "returned", "no-search-results", { defined_noun_id: words.toLowerCase() });
    for (const link of found) {
      const fields = { defined_noun_id: `${words.toLowerCase()}.${link.dataset.product}`, product_id: link.dataset.product };
      link.addEventListener("click", () => footfall.track("user", "clicked-to-pdp-from", "search-result", fields));
    }
  }

  function letBuy() {
    $("#buy")?.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      const { id, handle, title, price } = $("#product").dataset;
      const chosen = submitted.target.querySelector("input[name=variant]:checked, input[name=variant][type=hidden]");
      const size = chosen.closest("label")?.textContent.trim();
      cart.add({ variant: chosen.value, id, handle, title, size, price, quantity: 1 });
      $("#added").replaceChildren("It is in your ", Object.assign(made("a", "", "cart"), { href: "/demo/cart" }), ".");
    });
    // The lists' own buttons: this shop has its own cart, so it takes what they would send to Shopify's.
    document.addEventListener("footfall:add", (asked) => {
      asked.preventDefault();
      const { product, variant, properties } = asked.detail;
      const size = variant.title === "Default Title" ? undefined : variant.title;
      const line = { variant: `${variant.id}`, id: `${product.id}`, handle: product.handle, title: product.title, size };
      cart.add({ ...line, price: variant.price, quantity: 1, properties });
    });
    $("#checkout")?.addEventListener("click", () => {
      const thanks = $("#thanks");
      thanks.hidden = false;
      thanks.textContent = `Thank you. Order ${cart.buy()} is in the stream; nothing will be sent, and nothing was paid.`;
    });
  }

  // --- The panel.
  const events = kept(sessionStorage, "demo.events") ?? []; // { id, what, at, outcome, detail }, the newest first
  const EVENTS_MAX = 30;

  function note(event) {
    const what = [event.verb, event.noun, event.shopify_product_title ?? event.product_handle ?? event.defined_noun_id ?? ""].join(" ");
    events.unshift({ id: event.event_id, what, at: event.event_time, outcome: "on its way", verb: event.noun === "product" && event.verb });
    events.length = Math.min(events.length, EVENTS_MAX);
    showEvents();
  }
  function settle(receipts) {
    for (const { event_id, status, position, error } of receipts ?? []) {
      const known = events.find(({ id }) => id === event_id);
      if (known) Object.assign(known, { outcome: status, detail: error ?? position });
    }
    showEvents();
  }
  function showEvents() {
    kept(sessionStorage, "demo.events", events);
    $("#panel-count").textContent = events.length ? events.length : "";
    const rows = events.map(({ what, at, outcome, detail }) => {
      const chip = made("span", `chip ${outcome.replaceAll(" ", "-")}`, OUTCOMES[outcome] ?? outcome);
      const time = new Date(at).toLocaleTimeString("en", { hour12: false });
      return made("li", "", made("span", "what", what), chip, made("small", "", detail ? `${time}, position ${detail}` : time));
    });
    $("#events").replaceChildren(...rows);
    for (const step of document.querySelectorAll("#steps [data-step]")) {
      step.classList.toggle("done", events.some(({ verb, outcome }) => verb === step.dataset.step && /stored|duplicate/.test(outcome)));
    }
  }

  // A page that is left hands its events over unheard; the next one sends them again, and learns that they are stored.
  const OUTCOMES = { duplicate: "stored before" };
  const ago = (time) => {
    const minutes = Math.round((Date.now() - time) / 60000);
    return minutes < 1 ? "just now" : minutes < 60 ? `${minutes} min ago` : minutes < 2880 ? `${Math.round(minutes / 60)} h ago` : `${Math.round(minutes / 1440)} days ago`;
  };
  // A reason as a sentence. What is not known here is shown as it came.
  function told(reason) {
    const { rule, name, source, verb, at, units, adds, views, recent, expected } = reason;
    if (rule !== undefined) return `rule ${rule}, ${name ?? source}`;
    if (source === "viewed") return `you ${verb} it ${ago(at)}`;
    if (source === "top_sellers") return units > 0 ? `${units} bought in 30 days` : adds > 0 ? `put into ${adds} carts` : `viewed ${views} times`;
    if (source === "trending_products") return `${Math.round(recent)} visitors lately, ${Math.round(expected)} expected`;
    if (source === "catalog") return "in the catalog";
    return JSON.stringify(reason);
  }
  function showReasons() {
    const lists = [...document.querySelectorAll("footfall-products")].filter(({ products }) => products?.length);
    const shown = lists.map((list) => {
      const rows = list.products.map(({ title, reasons }) => made("li", "", made("span", "what", title), made("small", "", (reasons ?? []).map(told).join("; "))));
      return made("div", "", made("h3", "", list.getAttribute("heading")), made("ol", "", ...rows));
    });
    $("#reasons").replaceChildren(...shown);
  }

  function showVisitor() {
    const { uuid } = footfall;
    $("#visitor").textContent = uuid ? `Visitor ${uuid.slice(0, 8)}…, known to this browser alone.` : "Nobody: what you do is counted, and belongs to no visitor.";
    $("#consent").textContent = uuid ? "Refuse analytics" : "Allow analytics";
  }
  function letChoose() {
    $("#reset").addEventListener("click", () => {
      footfall.reset();
      location.reload();
    });
    $("#consent").addEventListener("click", () => footfall.consent(!footfall.uuid));
    const toggle = $("#panel-toggle");
    toggle.addEventListener("click", () => toggle.setAttribute("aria-expanded", document.body.classList.toggle("panel-open")));
  }

  let footfall;
  (globalThis.footfallReady ??= []).push((client) => {
    footfall = client;
    footfall.addEventListener("event", ({ detail }) => note(detail));
    footfall.addEventListener("sent", ({ detail }) => settle(detail.receipts));
    footfall.addEventListener("rejected", ({ detail }) => settle(detail.receipts));
    footfall.addEventListener("consent", showVisitor);
    for (const list of document.querySelectorAll("footfall-products")) list.addEventListener("footfall:products", showReasons);
    letChoose();
    letBuy();
    showVisitor();
    showEvents();
    cart.show();
    tellPage();
  });
})();
