// Footfall on a Shopify theme by itself: product pages, the cart, consent and the customer. Loads footfall.js. Guide: docs/guides/browser.md
(() => {
  "use strict";
  if (globalThis.footfallShopify) return;
  globalThis.footfallShopify = true;
  const script = document.currentScript;
  if (!globalThis.Footfall) {
    const core = document.createElement("script");
    core.src = script.src.replace("footfall-shopify", "footfall"); // The same version of both.
    core.crossOrigin = "anonymous";
    Object.assign(core.dataset, script.dataset);
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

  // The product that this page shows, of which an id or a handle is enough: the theme's own data first, then what search engines read.
  const productOfPage = () => {
    const handle = location.pathname.match(/\/products\/([^/]+)\/?$/)?.[1];
    const variant_id = new URLSearchParams(location.search).get("variant") ?? undefined;
    const texts = [...document.querySelectorAll("script[type='application/json'][data-product-json], script[id^='ProductJson']")];
    const json = texts.map((text) => parsed(text.textContent)).map((data) => data?.product ?? data).find((data) => data?.id && data?.handle);
    const theme = globalThis.ShopifyAnalytics?.meta?.product ?? globalThis.meta?.product;
    const linked = [...document.querySelectorAll("script[type='application/ld+json']")]
      .flatMap((text) => parsed(text.textContent)?.["@graph"] ?? parsed(text.textContent) ?? [])
      .find((data) => [data?.["@type"]].flat().some((type) => type === "Product" || type === "ProductGroup"));
    const isProduct = document.querySelector("meta[property='og:type'][content='product']");
    const id = json?.id ?? theme?.id ?? linked?.productID ?? linked?.productGroupID;
    if (!id && !(handle && (isProduct || linked || json))) return null;
    const title = json?.title ?? linked?.name ?? document.querySelector("meta[property='og:title']")?.content;
    const fields = { product_handle: json?.handle ?? (handle && decodeURIComponent(handle)), shopify_product_title: title, shopify_variant_id: variant_id };
    return { ...fields, product_id: /^\d+$/.test(id) ? `${id}` : undefined };
  };

  let last = Promise.resolve();
  let seen = null; // The cart as it was last looked at. The browser keeps it only for who allows that.
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
    seen = { token: cart.token, lines };
    keep(footfall);
    // What stood in a cart that became an order was not removed from it.
    const known = before?.token === cart.token ? before.lines : {};
    if (before || !first) {
      for (const variant of new Set([...Object.keys(known), ...Object.keys(lines)])) {
        const change = (lines[variant]?.quantity ?? 0) - (known[variant]?.quantity ?? 0);
        if (!change) continue;
        const { product_id, handle, price } = lines[variant] ?? known[variant];
        const fields = { shopify_variant_id: variant, quantity: Math.abs(change), price, currency: cart.currency, shopify_cart_token: cart.token };
        footfall[change > 0 ? "added" : "removed"]({ id: product_id, handle }, fields);
      }
    }
    if (footfall.uuid && cart.items.length && cart.attributes?._footfall_uuid !== footfall.uuid) {
      const body = JSON.stringify({ attributes: { _footfall_uuid: footfall.uuid } });
      await fetchAsItWas(`${root()}cart/update.js`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    }
  };

  const keep = (footfall) => remembered("localStorage", SNAPSHOT, footfall.allowed && seen ? JSON.stringify(seen) : "");

  const watchCart = (footfall) => {
    globalThis.fetch = function (...request) {
      const answering = fetchAsItWas(...request);
      answering.then((answer) => answer.ok && changesCart(request[0]?.url ?? request[0]) && follow(footfall)).catch(() => {});
      return answering;
    };
    const open = XMLHttpRequest.prototype.open;
    XMLHttpRequest.prototype.open = function (method, url, ...more) {
      this.addEventListener("load", () => this.status < 400 && changesCart(url) && follow(footfall));
      return open.call(this, method, url, ...more);
    };
    addEventListener("submit", ({ target }) => footfall.allowed && changesCart(target.action) && remembered("sessionStorage", SUBMITTED, "yes"), true);
    footfall.addEventListener("consent", () => (seen || !footfall.allowed) && keep(footfall));
    const submitted = remembered("sessionStorage", SUBMITTED) === "yes";
    remembered("sessionStorage", SUBMITTED, "");
    if (submitted) follow(footfall);
    else if (!remembered("localStorage", SNAPSHOT)) follow(footfall, { first: true });
  };

  const watchConsent = (footfall) => {
    const ask = () => {
      const allowed = globalThis.Shopify?.customerPrivacy?.analyticsProcessingAllowed?.();
      if (allowed !== undefined) footfall.consent(allowed);
    };
    document.addEventListener("visitorConsentCollected", ({ detail }) => footfall.consent(detail.analyticsAllowed));
    if (globalThis.Shopify?.customerPrivacy) ask();
    else globalThis.Shopify?.loadFeatures?.([{ name: "consent-tracking-api", version: "0.1" }], (error) => error || ask());
  };

  const knowCustomer = (footfall) => {
    const cid = script.dataset.customer ?? (globalThis.__st && (globalThis.__st.cid ?? ""));
    if (cid) footfall.identify(cid);
    else if (cid === "" && remembered("localStorage", "footfall.customer")) footfall.reset(); // Logged out: what comes is nobody's.
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
    for (const part of [watchConsent, knowCustomer, watchCart, knowPixel]) {
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
  (globalThis.footfallReady ??= []).push(start);
})();
