/** The types of `@footfall/react`. Guide: docs/guides/react.md */
import type { ReactElement, ReactNode } from "react";
import type { EventFields, Footfall, Product, ProductFields, ProductName, ReadOptions } from "./footfall.js";

export type { EventFields, Footfall, Product, ProductFields, ProductName, ReadOptions, Variant } from "./footfall.js";

/** Who the visitor is: each may change at any time, also to `undefined`. */
export interface VisitorProps {
  /** The customer who is logged in. `null`: nobody is, and whoever was is forgotten. */
  customerId?: string | number | null;
  /** Proves the customer where the shop asks for that. */
  customerSignature?: string;
  /** What the visitor said. `null`: nothing yet, so nothing is kept or sent. Left out: the shop does not ask. */
  consent?: boolean | null;
  children?: ReactNode;
}

/** A provider that loads `footfall.js` and makes the client. */
export interface ShopProps extends VisitorProps {
  /** The shop's public key. */
  apiKey: string;
  /** Where Footfall answers, such as `https://events.shop.example`. */
  host: string;
  /** An id that the shop's own server keeps for this visitor. */
  uuid?: string;
  /** `refuse`: Global Privacy Control is a refusal. */
  gpc?: "refuse";
  /** Where the script is: `${host}/sdk/footfall.js`, unless given. */
  src?: string;
  /** The script's hash, for a version that never changes (`${host}/sdk/footfall.v1.js`). */
  integrity?: string;
  /** The nonce of the page's Content-Security-Policy. That of the page's own scripts, unless given. */
  nonce?: string;
  client?: undefined;
}

/** A provider of a client that the page has made. `null`: it has none yet. */
export interface ClientProps extends VisitorProps {
  client: Footfall | null;
  apiKey?: undefined;
  host?: undefined;
  /** The visitor's id after a log-out. */
  uuid?: string;
  gpc?: undefined;
  src?: undefined;
  integrity?: undefined;
  nonce?: undefined;
}

export type FootfallProviderProps = ShopProps | ClientProps;

/** One client for all below. It never throws: where the script can't be had, the hooks' `error` says why. */
export function FootfallProvider(props: FootfallProviderProps): ReactElement;

/** The client; `null` on a server, until the script is there, and where it can't be had. */
export function useFootfall(): Footfall | null;

/** Tell that a product is shown: once, and again when it becomes another one. `null`: none is shown. */
export function useViewed(product: ProductName | ProductFields | null | undefined, fields?: EventFields): void;

export interface UseProductsOptions extends ReadOptions {
  /** Ask again when something was told of a product. */
  live?: boolean;
  /** The hook stops by itself when its component goes. */
  signal?: undefined;
}

export interface UseProductsResult {
  /** Empty until there is an answer. What was answered stays while it is asked for again. */
  products: Product[];
  metadata: Record<string, unknown>;
  loading: boolean;
  /** Why the list can't be had; `null` where it can. */
  error: Error | null;
  /** Ask again. The same function for as long as the component lives. */
  refresh: () => void;
}

/** Any list, by its name under `/api/v1/products/`, or `/custom/id/1234`. */
export function useProducts(list: string, options?: UseProductsOptions): UseProductsResult;
/** What this visitor viewed, newest first. */
export function useRecentlyViewed(options?: UseProductsOptions): UseProductsResult;
/** What goes with `shopify_product_ids`. */
export function useRecommended(options?: UseProductsOptions): UseProductsResult;
/** What rises now. */
export function useTrending(options?: UseProductsOptions): UseProductsResult;

/** What the visitor said to Shopify's Customer Privacy API of analytics; `null` until that is loaded. For `consent`. */
export function useShopifyConsent(): boolean | null;
