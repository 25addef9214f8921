// Footfall on a Shopify theme by itself: product pages, the cart, consent and the customer. Loads footfall.js. Guide: docs/guides/browser.md
(() => {
  "use strict";
  if (globalThis.footfallShopify) return;
  globalThis.footfallShopify = true;
  const script = document.currentScript;
  if (!globalThis.Footfall) {
    const core = document.createElement("script");
    core.src = script.src.replace(/footfall-shopify(?=[^/]*$)/, "footfall"); // The same version of both.
    core.integrity = script.dataset.coreIntegrity ?? "";
    core.crossOrigin = "anonymous";
    Object.assign(core.dataset, script.dataset);
    // Shopify answers later than this page starts: until then nobody is known, and nothing is sent.
    if (globalThis.Shopify?.customerPrivacy || globalThis.Shopify?.loadFeatures) core.dataset.consent ||= "required";
    document.head.append(core);
  }

  const SNAPSHOT = "footfall.cart", SUBMITTED = "footfall.submitted";
  const remembered = (storage, name, value) => {
    try {
      if (value === undefined) return globalThis[storage].getItem(name);
      if (value) globalThis[storage].setItem(name, value);
      else globalThis[storage].removeItem(name);
    } catch {}
    return null;
  };
  const parsed = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  };
  const root = () => globalThis.Shopify?.routes?.root ?? "/";
  const changesCart = (url) => /\/cart\/(add|change|update|clear)(\.js)?$/.test(new URL(url, location.href).pathname);
  const fetchAsItWas = globalThis.fetch.bind(globalThis);

  const handleIn = (address) => {
    const handle = /\/products\/([^/?#]+)\/?([?#]|$)/.exec(address)?.[1];
    try {
      return handle && decodeURIComponent(handle);
    } catch {
      return handle;
    }
  };
  // The product that this page is about, of which an id or a handle is enough. Pages show data of other products too: a featured one, an upsell.
  const productOfPage = () => {
    const handle = handleIn(location.pathname);
    const theme = globalThis.ShopifyAnalytics?.meta?.product ?? globalThis.meta?.product;
    const isProduct = document.querySelector("meta[property='og:type'][content='product']");
    if (!handle && !theme?.id && !isProduct) return null;
    const texts = [...document.querySelectorAll("script[type='application/json'][data-product-json], script[id^='ProductJson']")];
    const json = texts
      .map((text) => parsed(text.textContent))
      .map((data) => data?.product ?? data)
      .find((data) => data?.id && data.handle && (theme?.id ? `${data.id}` === `${theme.id}` : !handle || handleIn(`/products/${data.handle}`) === handle));
    const linked = [...document.querySelectorAll("script[type='application/ld+json']")]
      .flatMap((text) => parsed(text.textContent)?.["@graph"] ?? parsed(text.textContent) ?? [])
      .filter((data) => [data?.["@type"]].flat().some((type) => type === "Product" || type === "ProductGroup"))
      .find((data) => (handle ? (handleIn(data.url ?? data["@id"]) ?? handle) === handle : !theme?.id));
    const id = theme?.id ?? json?.id ?? linked?.productID ?? linked?.productGroupID;
    if (!id && !(isProduct || linked)) return null;
    const product_handle = json?.handle ?? handle ?? handleIn(linked?.url ?? linked?.["@id"]);
    const product_id = /^\d+$/.test(id) ? `${id}` : undefined;
    if (!product_id && !product_handle) return null;
    const title = json?.title ?? linked?.name ?? document.querySelector("meta[property='og:title']")?.content;
    const variant_id = new URLSearchParams(location.search).get("variant") ?? undefined;
    return { product_id, product_handle, shopify_product_title: title, shopify_variant_id: variant_id };
  };

  let last = Promise.resolve();
  let seen = null; // The cart as it was last looked at. The browser keeps it only for who allows that.
  // The first look where something was put into it before the shop answered: it may be in, or not yet.
  let early = null, adding = false;
  // What has changed in the cart since it was last looked at, whoever changed it and by which request: each change counts once.
  const follow = (footfall, { first = false } = {}) => (last = last.then(() => compare(footfall, first)).catch((error) => console.warn("Footfall", error)));
  const compare = async (footfall, first) => {
    const answer = await fetchAsItWas(`${root()}cart.js`, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const cart = await answer.json();
    const before = parsed(remembered("localStorage", SNAPSHOT)) ?? seen;
    const lines = {};
    for (const { variant_id, product_id, handle, quantity, price } of cart.items) {
      const line = (lines[variant_id] ??= { product_id, handle, quantity: 0, price: (price / 100).toFixed(2) });
      line.quantity += quantity;
    }
    const token = `${cart.token}`.split("?")[0]; // What may follow is a key, and no part of it.
    const now = { token, lines, visitor: before?.visitor };
    if (first && !before && adding) return void (early ??= now);
    seen = now;
    keep(footfall);
    // Still as at an early look: that had the change. What stood in a cart that became an order was not removed from it.
    const past = before ?? (JSON.stringify(early) !== JSON.stringify(now) ? early : null);
    const known = past?.token === token ? past.lines : {};
    if (before || !first) {
      for (const variant of new Set([...Object.keys(known), ...Object.keys(lines)])) {
        const change = (lines[variant]?.quantity ?? 0) - (known[variant]?.quantity ?? 0);
        if (!change) continue;
        const { product_id, handle, price } = lines[variant] ?? known[variant];
        const fields = { shopify_variant_id: variant, quantity: Math.abs(change), price, currency: cart.currency, shopify_cart_token: cart.token };
        footfall[change > 0 ? "added" : "removed"]({ id: product_id, handle }, fields);
      }
    }
    // The cart names its visitor, or nobody once they have refused. Without an answer it stays as it is.
    if (footfall.allowed === null) return;
    const visitor = footfall.uuid ?? "";
    if ((cart.items.length || !visitor) && (cart.attributes?._footfall_uuid ?? "") !== visitor) {
      const body = JSON.stringify({ attributes: { _footfall_uuid: visitor } });
      await fetchAsItWas(`${root()}cart/update.js`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    }
    seen.visitor = visitor;
    keep(footfall);
  };

  const keep = (footfall) => remembered("localStorage", SNAPSHOT, footfall.allowed && seen ? JSON.stringify(seen) : "");

  const watchCart = (footfall) => {
    const before = globalThis.fetch; // Another script's by now, maybe.
    globalThis.fetch = function (...request) {
      const url = request[0]?.url ?? request[0];
      adding ||= /cart\/add/.test(url);
      const answering = before.apply(this, request);
      answering.then((answer) => answer.status < 400 && changesCart(url) && follow(footfall)).catch(() => {});
      return answering;
    };
    const open = XMLHttpRequest.prototype.open;
    XMLHttpRequest.prototype.open = function (method, url, ...more) {
      adding ||= /cart\/add/.test(url);
      this.addEventListener("load", () => this.status < 400 && changesCart(url) && follow(footfall));
      return open.call(this, method, url, ...more);
    };
    addEventListener("submit", ({ target }) => footfall.allowed && changesCart(target.action) && remembered("sessionStorage", SUBMITTED, "yes"), true);
    // After another answer, or a log-out, the cart is another visitor's.
    const isTheirs = () => (parsed(remembered("localStorage", SNAPSHOT)) ?? seen)?.visitor === (footfall.uuid ?? "");
    footfall.addEventListener("consent", () => {
      if (seen || !footfall.allowed) keep(footfall);
      if (!isTheirs()) follow(footfall, { first: true });
    });
    const submitted = remembered("sessionStorage", SUBMITTED) === "yes";
    remembered("sessionStorage", SUBMITTED, "");
    // The cart's page comes after changes that no request of a script tells of: forms that post to it, links.
    const onCartPage = /\/cart\/?$/.test(location.pathname);
    if (submitted || onCartPage || !isTheirs()) follow(footfall, { first: !submitted });
  };

  const watchConsent = (footfall) => {
    // What the visitor chose at Shopify holds. Where they chose nothing there, the default of their region does, unless they told Footfall.
    const ask = () => {
      const { customerPrivacy } = globalThis.Shopify;
      const choice = customerPrivacy?.currentVisitorConsent?.()?.analytics;
      const told = footfall.allowed === false || remembered("localStorage", "footfall.consent");
      const allowed = choice ? choice === "yes" : told ? undefined : customerPrivacy?.analyticsProcessingAllowed?.();
      if (allowed !== undefined) footfall.consent(allowed);
    };
    document.addEventListener("visitorConsentCollected", ({ detail }) => footfall.consent(detail.analyticsAllowed));
    // Without an answer nobody has agreed: this page tells nothing until somebody does.
    const loaded = (error) => (error ? console.warn("Footfall", error) : ask());
    if (globalThis.Shopify?.customerPrivacy) ask();
    else globalThis.Shopify?.loadFeatures?.([{ name: "consent-tracking-api", version: "0.1" }], loaded);
  };

  const knowCustomer = (footfall) => {
    const cid = script.dataset.customer ?? (globalThis.__st && (globalThis.__st.cid ?? ""));
    if (cid) {
      footfall.identify(cid);
      // Who agrees later is known from then on, and to the next page, which may be after a log-out.
      footfall.addEventListener("consent", ({ detail }) => {
        const { customer_id = cid, customer_signature: signature } = footfall.customer ?? {};
        if (detail.granted) footfall.identify(customer_id, { signature });
      });
    } else if (cid === "" && remembered("localStorage", "footfall.customer")) {
      footfall.reset(); // Logged out: what comes is nobody's.
    }
  };

  // The pixel hears that this script tells of products and the cart, also where no mark may be left, and finds a visitor whose id the page gave.
  const knowPixel = (footfall) => {
    const keep = () => footfall.given && footfall.uuid && remembered("localStorage", "footfall.uuid", footfall.uuid);
    keep();
    footfall.addEventListener("consent", keep);
    globalThis.Shopify?.analytics?.publish?.("footfall_script", {});
  };

  const start = (footfall) => {
    const theme = globalThis.Shopify?.theme?.id;
    footfall.defaults = { platform: "Shopify", ...(theme && { theme_id: `${theme}` }) };
    for (const part of [knowCustomer, watchCart, watchConsent, knowPixel]) {
      try {
        part(footfall);
      } catch (error) {
        console.warn("Footfall", error);
      }
    }
    const view = () => {
      const product = productOfPage();
      if (product) footfall.viewed(product);
    };
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", view);
    else view();
  };
  // Before the page's own work: after a log-out that is another visitor's.
  const ready = (globalThis.footfallReady ??= []);
  (ready.unshift ?? ready.push).call(ready, start);
})();
