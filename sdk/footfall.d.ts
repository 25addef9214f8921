/** The types of `footfall.js` (`globalThis.Footfall`, `globalThis.footfall`) and of `footfall.mjs`. */

/** An id as a number, a text of digits or a GraphQL id; another text is a handle. */
export type ProductName = string | number;

/**
 * A product as a page has it: its names and what is to be told. Fields that the wire does not know are stored as they are; of an object with
 * `variants`, such as Shopify's JSON, only id, handle and title are taken.
 */
export interface ProductFields {
  id?: string | number;
  handle?: string;
  title?: string;
  product_id?: string | number;
  product_handle?: string;
  shopify_variant_id?: string | number;
  quantity?: number;
  /** A decimal text in the shop's currency, of one unit. */
  price?: string;
  [field: string]: unknown;
}

/** What an event may carry beyond its three words; see the reference for every field. */
export interface EventFields {
  defined_noun_id?: string;
  widget_id?: string;
  label?: string;
  quantity?: number;
  price?: string;
  currency?: string;
  meta?: Record<string, string | number | boolean | null | undefined>;
  tags?: string[];
  [field: string]: unknown;
}

export interface OrderFields {
  order_id?: string | number;
  checkout_token?: string;
  currency?: string;
  lines: ProductFields[];
}

/** An event as it is sent. `event_time` and `sent_at` are milliseconds since the epoch by the browser's clock. */
export interface FootfallEvent extends EventFields {
  subject: string;
  verb: string;
  noun: string;
  event_id: string;
  event_time: number;
  uuid?: string;
  rsid?: string;
  consent?: "granted" | "denied";
}

/** What became of one event. A duplicate is stored already. */
export interface Receipt {
  status: "stored" | "duplicate" | "rejected";
  event_id?: string;
  position?: string;
  error?: string;
  warnings?: string[];
}

/** A product in the shape of Shopify's REST Admin API. */
export interface Product {
  id: number | null;
  title: string | null;
  handle: string | null;
  link: string | null;
  vendor: string | null;
  product_type: string | null;
  /** Comma-separated. */
  tags: string | null;
  image: { src: string; alt: string | null; width: number | null; height: number | null } | null;
  images: { src: string; alt: string | null }[];
  variants: Variant[];
  /** Only with `explain: "yes"`. */
  reasons?: Record<string, unknown>[];
  [field: string]: unknown;
}

export interface Variant {
  id: number | null;
  title: string | null;
  /** A decimal text. */
  price: string | null;
  compare_at_price: string | null;
  available: boolean | null;
  [field: string]: unknown;
}

export interface ProductList {
  data: Product[];
  metadata?: Record<string, unknown>;
}

/** Parameters of a list as the wire has them, such as `limit`, `filter_oos: "no"`, `shopify_product_ids: "1,2"` or `[1, 2]`. */
export interface ReadOptions {
  limit?: number;
  explain?: "yes";
  shopify_product_ids?: string | (string | number)[];
  signal?: AbortSignal;
  [parameter: string]: unknown;
}

export interface Settings {
  /** The shop's public key. */
  key: string;
  /** Where Footfall answers, such as `https://events.shop.example`. Where the script came from, unless given. */
  host?: string;
  /** An id that the shop's own server keeps for this visitor. */
  uuid?: string;
  /** `required`: nothing is kept or sent until `consent(true)` or `consent(false)` is called. */
  consent?: "required" | string;
  /** `refuse`: Global Privacy Control is a refusal. It is told as `gpc: true` in any case. */
  gpc?: "refuse" | string;
}

export interface FootfallEvents {
  /** An event was taken; it is not sent yet. */
  event: FootfallEvent;
  sent: { events: FootfallEvent[]; receipts: Receipt[] };
  rejected: { events: FootfallEvent[]; error: string; receipts?: Receipt[] };
  /** More than a thousand events waited: the oldest went. */
  dropped: { events: FootfallEvent[] };
  consent: { granted: boolean };
  /** A list could not be had. */
  error: { error: Error };
}

/**
 * One shop's client in this browser. No method throws; what can't be done is told by an event or on the console.
 *
 * Everything stays in the browser's storage under names that begin with `footfall.`.
 */
export class Footfall extends EventTarget {
  constructor(settings: Settings);
  readonly key: string;
  readonly host: string;
  /** Fields that each event gets unless it has its own. */
  defaults: EventFields;
  /** Whether the visitor may be known; `null` while that is not decided. */
  readonly allowed: boolean | null;
  /** The visitor; `null` where consent is refused or not given yet. */
  readonly uuid: string | null;
  /** This visit: ends after 30 minutes in which nothing was done. */
  readonly session: string | null;
  /** Where the last events that were sent stand: reads wait for it. */
  readonly position?: string;

  /** Name the customer on every event from now on. `signature` proves it where the shop asks for that. */
  identify(customerId: string | number, options?: { signature?: string }): void;
  /**
   * Forget visitor, session and customer, as at a log-out: the next event is a new visitor's. `uuid`: the id that the shop's own server keeps
   * for that one.
   */
  reset(uuid?: string): void;
  /** What the visitor said. A refusal forgets who they are; what they do counts without anybody from then on. */
  consent(granted: boolean): void;

  /** Each answers the event's id. A view is sent at once, all else within a second. */
  viewed(product: ProductName | ProductFields, fields?: EventFields): string | undefined;
  added(product: ProductName | ProductFields, fields?: EventFields): string | undefined;
  removed(product: ProductName | ProductFields, fields?: EventFields): string | undefined;
  /** One event for each line. */
  purchased(order: OrderFields): (string | undefined)[] | undefined;
  /** Any event of the vocabulary, such as `track("user", "searched", "term", { defined_noun_id: "mug" })`. */
  track(subject: string, verb: string, noun: string, fields?: EventFields): string | undefined;
  /** Send what waits; resolves once it is sent, or can't be for now. */
  flush(): Promise<void>;

  /** Lists of products; empty where one can't be had (the event `error` says why). */
  recentlyViewed(options?: ReadOptions): Promise<Product[]>;
  viewedRelated(options?: ReadOptions): Promise<Product[]>;
  recommended(options?: ReadOptions): Promise<Product[]>;
  similar(options?: ReadOptions): Promise<Product[]>;
  trending(options?: ReadOptions): Promise<Product[]>;
  topSellers(options?: ReadOptions): Promise<Product[]>;
  /** Any list, by its name under `/api/v1/products/`, or `/custom/id/1234`. */
  products(list: string, options?: ReadOptions): Promise<Product[]>;
  /** The same with its metadata. Rejects where it can't be had. */
  read(list: string, options?: ReadOptions): Promise<ProductList>;

  addEventListener<Name extends keyof FootfallEvents>(
    type: Name,
    listener: (event: CustomEvent<FootfallEvents[Name]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}
export default Footfall;

declare global {
  var Footfall: typeof import("./footfall.js").Footfall;
  /** The page's client, where the script's tag has a `data-key`. */
  var footfall: Footfall | undefined;
  /** What is to be done once the script is there: `(window.footfallReady ||= []).push((footfall) => …)`. */
  var footfallReady: { push(work: (footfall: Footfall) => void): unknown } | undefined;
}
