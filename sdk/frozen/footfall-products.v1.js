// <footfall-products source="viewed" limit="4" heading="Recently viewed">: a list of products on a page. Guide: docs/guides/browser.md
(() => {
  "use strict";
  if (!globalThis.customElements || customElements.get("footfall-products")) return;
  const SEEN_MS = 1000; // Half of it in view for a second: a list that was scrolled past was not seen.

  const style = document.createElement("style");
  style.textContent = `
    footfall-products { display: block }
    footfall-products[hidden] { display: none }
    .footfall-list { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(10rem, 45%), 1fr)); gap: 1rem; margin: 0; padding: 0; list-style: none }
    .footfall-product a { display: block; color: inherit; text-decoration: none }
    .footfall-picture { display: block; width: 100%; aspect-ratio: var(--footfall-ratio, 1); object-fit: cover; background: #8881 }
    .footfall-title, .footfall-price { display: block; height: 1.5em; line-height: 1.5; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
    .footfall-product a:hover .footfall-title, .footfall-product a:focus-visible .footfall-title { text-decoration: underline }`;
  document.head.prepend(style); // Before the page's own rules, which therefore win.

  const element = (tag, name, ...children) => {
    const made = document.createElement(tag);
    made.className = `footfall-${name}`;
    made.append(...children);
    return made;
  };
  const safe = (link) => {
    try {
      const url = new URL(link, location.href);
      return /^https?:$/.test(url.protocol) ? url.href : null;
    } catch {
      return null;
    }
  };

  class FootfallProducts extends HTMLElement {
    static observedAttributes = ["source", "limit", "heading", "add", "parameters"];
    #observer;
    #timer;
    #asked = 0;
    #stop = new AbortController();

    connectedCallback() {
      if (!this.products) this.#show(Array(this.limit).fill(null)); // Its place is there before the page is first painted.
      (globalThis.footfallReady ??= []).push((footfall) => {
        if (!this.isConnected) return;
        this.footfall ??= footfall;
        this.refresh();
        this.#stop.abort();
        const { signal } = (this.#stop = new AbortController());
        // What a visitor does changes what a live list shows; what it says of itself does not.
        const live = ({ detail }) => this.hasAttribute("live") && detail.events.some((event) => event?.noun === "product") && this.refresh();
        this.footfall.addEventListener("sent", live, { signal });
        this.footfall.addEventListener("consent", () => this.refresh(), { signal });
      });
    }
    disconnectedCallback() {
      this.#stop.abort();
      this.#observer?.disconnect();
      clearTimeout(this.#timer);
    }
    attributeChangedCallback() {
      if (this.footfall) this.refresh();
    }
    get widget() {
      return this.getAttribute("widget") ?? this.source;
    }
    get source() {
      return this.getAttribute("source") ?? "viewed";
    }
    get limit() {
      return Number(this.getAttribute("limit")) || 5;
    }

    // Ask for the list and show it; what is shown stays until the answer is here.
    async refresh() {
      const asked = ++this.#asked;
      this.ariaBusy = "true";
      let answer = { data: [] };
      try {
        const more = Object.fromEntries(new URLSearchParams(this.getAttribute("parameters") ?? ""));
        answer = await this.footfall.read(this.source, { limit: this.limit, ...more });
      } catch (error) {
        this.dispatchEvent(new CustomEvent("footfall:error", { detail: { error } }));
        answer = { data: this.products ?? [] };
      }
      if (asked !== this.#asked || !this.isConnected) return;
      this.ariaBusy = "false";
      const changed = JSON.stringify(this.products) !== JSON.stringify(answer.data);
      this.products = answer.data;
      this.metadata = answer.metadata ?? {};
      if (changed) this.#show(this.products);
      this.dispatchEvent(new CustomEvent("footfall:products", { detail: { products: this.products } }));
    }

    #show(products) {
      const list = element("ul", "list", ...products.map((product) => this.#card(product)));
      list.setAttribute("role", "list"); // Safari forgets that a list without bullets is one.
      const heading = this.getAttribute("heading");
      this.setAttribute("role", "region");
      this.ariaLabel = heading ?? this.widget;
      this.#hold(products.length === 0);
      if (products.length) this.replaceChildren(...(heading ? [element("h2", "heading", heading)] : []), list);
      if (products.some(Boolean)) this.#watch();
    }
    // A list that became shorter gives its place back only where nothing that is in view would move.
    #hold(empty) {
      const { top, height } = this.getBoundingClientRect();
      const below = top >= innerHeight;
      this.style.visibility = empty ? "hidden" : "";
      this.style.minHeight = below ? "" : `${height}px`;
      this.hidden = empty && below;
    }
    #card(product) {
      const picture = element("img", "picture");
      picture.loading = "lazy";
      picture.alt = "";
      const [title, price] = [element("span", "title", product?.title ?? ""), element("span", "price", this.#price(product))];
      const image = safe(product?.image?.src ?? "data:");
      const link = element("a", "link", image ? picture : element("span", "picture"), title, price);
      if (image) picture.src = image;
      const href = product && safe(product.link ?? `/products/${product.handle}`);
      if (href) link.href = href;
      link.addEventListener("click", () => this.#track("clicked", product));
      const card = element("li", "product", link);
      const variant = product?.variants?.find((one) => one.available !== false);
      if (this.getAttribute("add") && variant) {
        const button = element("button", "add", this.getAttribute("add"));
        button.type = "button";
        button.ariaLabel = `${this.getAttribute("add")}: ${product.title}`;
        button.addEventListener("click", () => this.add(product, variant));
        card.append(button);
      }
      return card;
    }
    #price(product) {
      const shopper = globalThis.Shopify?.currency; // Prices are in the shop's, which is the shopper's only where the rate is 1.
      const own = Number(shopper?.rate) === 1 ? shopper.active : undefined;
      const { price, currency = this.getAttribute("currency") ?? own } = product?.variants?.[0] ?? {};
      try {
        const form = currency ? { style: "currency", currency } : { minimumFractionDigits: 2 };
        return price == null ? "" : new Intl.NumberFormat(document.documentElement.lang || [], form).format(price);
      } catch {
        return price; // The page's language or the currency is none that the browser knows.
      }
    }

    // What a line item carries when it was added from this list, so that its order says what led to it.
    properties() {
      return { _source: "Footfall", _widget_id: this.widget, _attribution: this.metadata?.attribution ?? this.source };
    }
    // Put a product into the cart: the page does, where it takes `footfall:add` and calls preventDefault(), else Shopify's cart.
    async add(product, variant) {
      const detail = { product, variant, properties: this.properties() };
      this.#track("added-from", product);
      if (!this.dispatchEvent(new CustomEvent("footfall:add", { detail, bubbles: true, cancelable: true }))) return;
      const body = JSON.stringify({ items: [{ id: variant.id, quantity: 1, properties: detail.properties }] });
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(`${globalThis.Shopify?.routes?.root ?? "/"}cart/add.js`, { method: "POST", headers, body }).catch((error) => ({ error }));
      const failed = answer.ok ? "added" : "error";
      this.dispatchEvent(new CustomEvent(`footfall:${failed}`, { detail, bubbles: true }));
    }
    #track(verb, product, meta) {
      const fields = { defined_noun_id: this.widget, widget_id: this.widget, product_id: product?.id ?? undefined };
      this.footfall.track("user", verb, "widget", { ...fields, meta: { source: this.source, attribution: this.metadata?.attribution, ...meta } });
    }
    #watch() {
      this.#observer?.disconnect();
      this.#observer = new IntersectionObserver(
        ([{ isIntersecting }]) => {
          clearTimeout(this.#timer);
          if (!isIntersecting) return;
          this.#timer = setTimeout(() => {
            this.#observer.disconnect();
            this.#track("viewed", null, { products: this.products.map(({ id }) => id).join(",") });
          }, SEEN_MS);
        },
        { threshold: 0.5 },
      );
      this.#observer.observe(this);
    }
  }
  customElements.define("footfall-products", FootfallProducts);
})();
