/** The types of `<footfall-products>` (`footfall-products.js`), for `querySelector("footfall-products")` and its events. */
import type { Footfall, Product, Variant } from "./footfall.js";

/** What a line item carries when it was added from a list, so that its order says what led to it. */
export interface LineProperties {
  _source: "Footfall";
  _widget_id: string;
  _attribution: string;
}

export interface Added {
  product: Product;
  variant: Variant;
  properties: LineProperties;
}

/** The events of an element. `footfall:add` asks: the page puts the variant into its cart itself where it calls `preventDefault()`. */
export interface FootfallProductsEvents {
  "footfall:products": CustomEvent<{ products: Product[] }>;
  /** The list can't be had (`error`), or the variant could not be added (`product`, `variant`, `properties`). */
  "footfall:error": CustomEvent<{ error: Error } | Added>;
  "footfall:add": CustomEvent<Added>;
  "footfall:added": CustomEvent<Added>;
}

/** A list of products on a page. Its attributes say which: `source`, `limit`, `heading`, `add`, `parameters`, `widget`, `live`, `currency`. */
export interface FootfallProducts extends HTMLElement {
  /** The client that it asks; the page's own, unless set. */
  footfall?: Footfall;
  /** What it shows, once there is an answer. */
  readonly products?: Product[];
  readonly metadata?: Record<string, unknown>;
  readonly widget: string;
  readonly source: string;
  readonly limit: number;
  /** Ask for the list and show it; what is shown stays until the answer is here. */
  refresh(): Promise<void>;
  properties(): LineProperties;
  add(product: Product, variant: Variant): Promise<void>;

  addEventListener<Name extends keyof FootfallProductsEvents>(
    type: Name,
    listener: (event: FootfallProductsEvents[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<Name extends keyof HTMLElementEventMap>(
    type: Name,
    listener: (event: HTMLElementEventMap[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "footfall-products": FootfallProducts;
  }
  /** Those that bubble, for a page that takes them where they arrive. */
  interface DocumentEventMap {
    "footfall:add": CustomEvent<Added>;
    "footfall:added": CustomEvent<Added>;
  }
}
