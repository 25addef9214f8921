"use client";
// Footfall in React: a provider that makes one client, and hooks that tell and ask. Types: index.d.ts. Guide: docs/guides/react.md
import { createContext, createElement, useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

// On a server there is nothing before an effect, and React 18 would warn of it.
const useEffectBeforeChildren = typeof document === "undefined" ? useEffect : useLayoutEffect;

const ALONE = new Error("There is no <FootfallProvider> above.");
/** @type {import("react").Context<{ client: import("./footfall.js").Footfall | null, error: Error | null, who: string }>} */
const Shared = createContext(/** @type {any} */ ({ client: null, error: ALONE, who: "" }));

/** @type {Map<string, Promise<typeof import("./footfall.js").Footfall>>} */
const loading = new Map();
/** @type {Map<string, import("./footfall.js").Footfall>} */
const clients = new Map();
/** @type {WeakSet<import("./footfall.js").Footfall>} */
const identified = new WeakSet();

// The class that footfall.js defines: each address is asked for once, and again after it failed.
/** @param {{ src: string, integrity?: string, nonce?: string }} tag */
const load = ({ src, integrity, nonce }) => {
  if (globalThis.Footfall) return Promise.resolve(globalThis.Footfall);
  const asked = loading.get(src);
  if (asked) return asked;
  const asking = new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const failed = () => {
      script.remove();
      reject(new Error(`${src} could not be loaded. Is its host in script-src of the page's Content-Security-Policy?`));
    };
    script.src = src;
    script.crossOrigin = "anonymous";
    // Browsers hide a nonce from markup, not from scripts that run already.
    script.nonce = nonce ?? /** @type {HTMLScriptElement | null} */ (document.querySelector("script[nonce]"))?.nonce ?? "";
    if (integrity) script.integrity = integrity;
    script.onload = () => (globalThis.Footfall ? resolve(globalThis.Footfall) : failed());
    script.onerror = failed;
    document.head.append(script);
  });
  loading.set(src, asking);
  asking.catch(() => loading.delete(src));
  return asking;
};

// Providers of one shop and one visitor share a client, whose queue and listeners live as long as the page.
/** @param {typeof import("./footfall.js").Footfall} Footfall @param {import("./footfall.js").Settings} settings */
const clientOf = (Footfall, settings) => {
  const name = JSON.stringify([settings.key, settings.host, settings.uuid]);
  const client = clients.get(name) ?? new Footfall(settings);
  clients.set(name, client);
  return client;
};

/** @param {import("./footfall.js").Footfall} client */
const isIdentified = (client) => {
  try {
    return identified.has(client) || localStorage.getItem("footfall.customer") !== null;
  } catch {
    return identified.has(client);
  }
};

/** @param {import("./index.d.ts").FootfallProviderProps} props */
export function FootfallProvider({ client: given, apiKey, host, uuid, customerId, customerSignature, consent, gpc, src, integrity, nonce, children }) {
  const [made, setMade] = useState(/** @type {{ client: any, error: Error | null }} */ ({ client: null, error: null }));
  const client = given ?? made.client;
  const asks = consent !== undefined;

  useEffect(() => {
    if (given !== undefined) return;
    let wanted = true;
    const make = async () => {
      if (!apiKey || !host) throw new Error("<FootfallProvider> needs apiKey and host.");
      const origin = host.replace(/\/$/, "");
      const Footfall = await load({ src: src ?? `${origin}/sdk/footfall.js`, integrity, nonce });
      return clientOf(Footfall, { key: apiKey, host: origin, uuid, gpc, consent: asks ? "required" : undefined });
    };
    make().then(
      (client) => wanted && setMade({ client, error: null }),
      (error) => {
        console.warn("Footfall", error);
        if (wanted) setMade({ client: null, error });
      },
    );
    return () => {
      wanted = false;
    };
  }, [given, apiKey, host, uuid, gpc, asks, src, integrity, nonce]);

  // Who the visitor is stands before what children tell of in their effects.
  useEffectBeforeChildren(() => {
    if (!client) return;
    if (consent != null) client.consent(consent);
    if (customerId != null) {
      identified.add(client);
      client.identify(customerId, { signature: customerSignature });
    } else if (customerId === null && isIdentified(client)) {
      identified.delete(client);
      client.reset(uuid);
    }
  }, [client, consent, customerId, customerSignature, uuid]);

  const who = JSON.stringify([apiKey, host, uuid, customerId]);
  const shared = useMemo(() => ({ client, error: client ? null : made.error, who }), [client, made.error, who]);
  return createElement(Shared.Provider, { value: shared }, children);
}

const useShared = () => {
  const shared = useContext(Shared);
  useEffect(() => {
    if (shared.error === ALONE) console.warn("Footfall", ALONE);
  }, [shared.error]);
  return shared;
};

export function useFootfall() {
  return useShared().client;
}

/** @param {import("./footfall.js").ProductName | import("./footfall.js").ProductFields | null | undefined} product */
const nameOf = (product) => {
  if (Object(product) !== product) return product;
  const { id, product_id, handle, product_handle } = /** @type {import("./footfall.js").ProductFields} */ (product);
  return id ?? product_id ?? handle ?? product_handle;
};

/** @type {typeof import("./index.d.ts").useViewed} */
export function useViewed(product, fields) {
  const client = useFootfall();
  // An effect runs twice in StrictMode, and a product may be a new object in each render: told is told.
  const told = useRef(/** @type {unknown} */ (null));
  const name = nameOf(product) ?? null;
  useEffect(() => {
    if (!client || told.current === name) return;
    told.current = name;
    if (product != null && name !== null) client.viewed(product, fields);
  });
}

/** @type {{ products: import("./footfall.js").Product[], metadata: Record<string, unknown>, error: Error | null }} */
const NOTHING = { products: [], metadata: {}, error: null };

/** @type {typeof import("./index.d.ts").useProducts} */
export function useProducts(list, { live = false, ...options } = {}) {
  const { client, error, who } = useShared();
  const asked = JSON.stringify([who, list, options]);
  const [turn, setTurn] = useState(0);
  const [answer, setAnswer] = useState({ ...NOTHING, asked: "", turn });
  const refresh = useCallback(() => setTurn((turn) => turn + 1), []);

  useEffect(() => {
    if (!client) return;
    const controller = new AbortController();
    const { signal } = controller;
    client.read(list, { ...options, signal }).then(
      ({ data, metadata = {} }) => signal.aborted || setAnswer({ asked, turn, products: data, metadata, error: null }),
      (error) => signal.aborted || setAnswer((before) => ({ ...(before.asked === asked ? before : NOTHING), asked, turn, error })),
    );
    return () => controller.abort();
  }, [client, asked, turn]); // list and options stand in asked, by what they hold.

  useEffect(() => {
    if (!client) return;
    const controller = new AbortController();
    const { signal } = controller;
    client.addEventListener("consent", refresh, { signal });
    if (live) client.addEventListener("sent", ({ detail }) => detail.events.some((event) => event?.noun === "product") && refresh(), { signal });
    return () => controller.abort();
  }, [client, live, refresh]);

  // What was answered for other parameters, or for another person, is not shown for a moment.
  const current = answer.asked === asked ? answer : { ...NOTHING, turn: -1 };
  return {
    products: current.products,
    metadata: current.metadata,
    loading: client ? current.turn !== turn : !error,
    error: client ? current.error : error,
    refresh,
  };
}

/** @type {typeof import("./index.d.ts").useRecentlyViewed} */
export const useRecentlyViewed = (options) => useProducts("viewed", options);
/** @type {typeof import("./index.d.ts").useRecommended} */
export const useRecommended = (options) => useProducts("recommended", options);
/** @type {typeof import("./index.d.ts").useTrending} */
export const useTrending = (options) => useProducts("trending_products", options);

/** @param {() => void} changed */
const followConsent = (changed) => {
  const names = ["shopifyCustomerPrivacyApiLoaded", "visitorConsentCollected"];
  for (const name of names) document.addEventListener(name, changed);
  return () => names.forEach((name) => document.removeEventListener(name, changed));
};
const readConsent = () => {
  try {
    return /** @type {any} */ (globalThis).Shopify?.customerPrivacy?.analyticsProcessingAllowed?.() ?? null;
  } catch {
    return null;
  }
};

export function useShopifyConsent() {
  return useSyncExternalStore(followConsent, readConsent, () => null);
}
