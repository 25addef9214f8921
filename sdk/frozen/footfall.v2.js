// Footfall in the browser. Types: footfall.d.ts
(() => {
  "use strict";
  if (globalThis.Footfall) return; // The first stays.
  const script = globalThis.document?.currentScript;
  const SECOND = 1000;
  const QUEUE_MAX = 1000;
  const BYTES_MAX = 60000; // Browsers send 64 KiB for pages that are gone.

  // localStorage, else cookies; this page's memory always.
  const memory = {};
  let storage;
  try {
    storage = localStorage;
    storage.setItem("footfall.script", Date.now()); // For the pixel.
  } catch {
    storage = null;
  }
  const load = (name) => {
    try {
      if (storage) return storage.getItem(name);
      const cookie = document.cookie.split("; ").find((part) => part.startsWith(name + "="));
      if (cookie) return decodeURIComponent(cookie.slice(name.length + 1));
    } catch {}
    return memory[name];
  };
  const save = (name, value) => {
    if (value) memory[name] = value;
    else delete memory[name];
    try {
      if (!storage) document.cookie = `${name}=${encodeURIComponent(value ?? "")};path=/;SameSite=Lax;max-age=${value ? 34e6 : 0}`;
      else if (value) storage.setItem(name, value);
      else storage.removeItem(name);
    } catch {}
  };

  const makeId = () =>
    crypto.randomUUID?.() ??
    "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => (crypto.getRandomValues(new Uint8Array(1))[0] & 15).toString(16));
  const fieldsOf = (product) => {
    if (Object(product) !== product) return { [/^(\d+$|gid:)/.test(product) ? "product_id" : "product_handle"]: `${product}` };
    // Of a shop's JSON only the names: its prices are in cents.
    const { id, handle, title, variants, ...fields } = product;
    return { product_id: id, product_handle: handle, shopify_product_title: title, ...(!variants && fields) };
  };

  const safely = (work) => {
    try {
      return work();
    } catch (error) {
      console.warn("Footfall", error);
    }
  };

  class Footfall extends EventTarget {
    #queue = new Map(); // event_id → event, until answered
    #flying = new Set(); // under way
    #left = []; // handed over when the page was hidden
    #held = []; // wait for consent
    #timer;
    #due = Infinity;
    #sending;
    #failures = 0;
    #notBefore = 0;

    constructor({ key, host, uuid, consent, gpc }) {
      super();
      Object.assign(this, { key, host: (host ?? new URL(script?.src ?? location).origin).replace(/\/$/, ""), given: uuid, defaults: {} });
      this.address = `${this.host}/api/v2/analytics/event/bulk?receipts=yes&key=${key}`;
      this.gpc = navigator.globalPrivacyControl || undefined;
      this.refused = this.gpc && gpc === "refuse";
      this.required = consent === "required";
      if (!this.allowed) save("footfall.script");
      this.#adopt();
      addEventListener("online", () => {
        this.#notBefore = 0;
        this.#adopt();
      });
      addEventListener("pagehide", () => this.#leave());
      document.addEventListener("visibilitychange", () => (document.hidden ? this.#leave() : this.#soon(SECOND)));
    }

    get allowed() {
      const said = load("footfall.consent");
      if (this.refused || said === "denied") return false;
      return said || !this.required ? true : null;
    }
    get uuid() {
      if (!this.allowed) return null;
      if (!this.given && !load("footfall.uuid")) save("footfall.uuid", makeId());
      return this.given || load("footfall.uuid");
    }
    get session() {
      if (!this.allowed) return null;
      const [id, last] = load("footfall.session")?.split(" ") ?? [];
      const session = Date.now() - last < 1800 * SECOND ? id : makeId();
      save("footfall.session", `${session} ${Date.now()}`);
      return session;
    }
    identify(customer_id, { signature } = {}) {
      this.customer = { customer_id, customer_signature: signature };
      this.#remember();
    }
    reset(given) {
      this.given = given;
      this.customer = null;
      for (const name of ["uuid", "session", "customer"]) save("footfall." + name);
    }
    consent(granted) {
      save("footfall.consent", granted ? "granted" : "denied");
      if (this.allowed) save("footfall.script", Date.now());
      else {
        this.reset(this.given);
        save("footfall.script");
        this.#kept().forEach((name) => save(name));
        for (const event of this.#queue.values()) {
          for (const name of ["uuid", "rsid", "customer_id", "customer_signature"]) delete event[name];
          event.consent = "denied";
        }
      }
      this.#remember();
      for (const event of this.#held.splice(0)) safely(() => this.#take(event));
      this.#tell("consent", { granted });
    }

    viewed(product, fields) {
      return this.#did("viewed", product, fields);
    }
    added(product, fields) {
      return this.#did("added", product, fields);
    }
    removed(product, fields) {
      return this.#did("removed", product, fields);
    }
    purchased(order) {
      return safely(() => order.lines.map((line) => this.#did("purchased", line, { ...order, ...line, lines: undefined })));
    }
    #did(verb, product, fields) {
      return safely(() => this.track("user", verb, "product", { ...fieldsOf(product), ...fields }));
    }
    track(subject, verb, noun, fields) {
      return safely(() => {
        const event = { subject, verb, noun, event_id: makeId(), event_time: Date.now(), gpc: this.gpc };
        Object.assign(event, { url: location.href, referrer: document.referrer || undefined }, this.defaults, fields);
        if (this.allowed !== null) this.#take(event);
        else if (this.#held.push(event) > QUEUE_MAX) this.#held.shift();
        return event.event_id;
      });
    }

    #remember() {
      safely(() => this.allowed && this.customer && save("footfall.customer", JSON.stringify(this.customer)));
    }
    #take(event) {
      if (this.allowed) Object.assign(event, { uuid: this.uuid, rsid: this.session }, safely(() => JSON.parse(load("footfall.customer") ?? "{}")));
      if (!this.allowed || load("footfall.consent")) event.consent = this.allowed ? "granted" : "denied";
      const text = JSON.stringify(event);
      this.#queue.set(event.event_id, event);
      this.#keep(event, text);
      if (this.#queue.size > QUEUE_MAX) this.#forget([this.#queue.keys().next().value], "dropped");
      this.#tell("event", event);
      const now = this.#queue.size > 9 || (event.verb === "viewed" && event.noun === "product");
      this.#soon(now ? 0 : SECOND);
    }
    #keep(event, text) {
      if (storage && this.allowed) save(this.#place(event.event_id), text);
    }
    #place(id) {
      return `footfall.event.${this.key}.${id}`;
    }
    #soon(delay) {
      const due = Date.now() + delay;
      if (due >= this.#due) return;
      this.#due = due;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.#due = Infinity;
        for (const id of document.hidden ? [] : this.#left.splice(0)) this.#flying.delete(id);
        this.flush();
      }, delay);
    }
    #kept() {
      return Object.keys(storage ?? {}).filter((name) => name.startsWith(this.#place("")));
    }
    #adopt() {
      for (const name of this.#kept()) {
        const event = safely(() => JSON.parse(storage[name])) ?? {};
        const age = Date.now() - event.event_time;
        // Its id is known for 7 days.
        if (storage[name].endsWith(" ") && age > 6 * 86400 * SECOND) save(name);
        else if (age > 10 * SECOND) this.#queue.set(event.event_id, event);
      }
      this.#soon(0);
    }
    #forget(ids, outcome, detail) {
      const events = ids.map((id) => this.#queue.get(id));
      for (const id of ids) {
        this.#queue.delete(id);
        save(this.#place(id));
      }
      this.#tell(outcome, { events, ...detail });
    }
    #batch() {
      const ids = [], parts = [], sent_at = Date.now();
      let bytes = 2;
      for (const [id, event] of this.#queue) {
        if (this.#flying.has(id)) continue;
        const part = JSON.stringify({ ...event, sent_at });
        bytes += new Blob([part]).size + 1;
        if (ids.length && (ids.length > 49 || bytes > BYTES_MAX)) break;
        this.#flying.add(id);
        ids.push(id);
        parts.push(part);
      }
      return { ids, body: `[${parts}]`, keepalive: bytes <= BYTES_MAX };
    }
    flush() {
      return (this.#sending ??= this.#send().finally(() => {
        this.#sending = null;
        if (this.#queue.size) this.#soon(SECOND);
      }));
    }
    async #send() {
      while (this.#queue.size > this.#flying.size && navigator.onLine !== false && Date.now() >= this.#notBefore) {
        const { ids, ...request } = this.#batch();
        let answer, said;
        try {
          // As text: no preflight.
          answer = await fetch(this.address, { method: "POST", signal: AbortSignal.timeout?.(20 * SECOND), ...request });
          said = await answer.json();
        } catch {}
        ids.forEach((id) => this.#flying.delete(id));
        const { status, headers } = answer ?? {};
        if (said && status < 500 && status !== 408 && status !== 429) {
          this.#failures = 0;
          this.position = headers.get("Footfall-Position") ?? this.position;
          this.#forget(ids, answer.ok ? "sent" : "rejected", said);
        } else {
          const pause = Math.min(60, 2 ** this.#failures++) * (0.5 + Math.random() / 2);
          this.#notBefore = Date.now() + Math.max(pause, Math.min(60, +headers?.get("Retry-After") || 0)) * SECOND;
        }
      }
    }
    #leave() {
      // A space at the end: handed over.
      if (navigator.onLine !== false) for (const event of this.#queue.values()) this.#keep(event, JSON.stringify(event) + " ");
      for (let batch; (batch = this.#batch()).ids.length; ) {
        this.#left.push(...batch.ids);
        if (!navigator.sendBeacon?.(this.address, batch.body)) break;
      }
    }

    recentlyViewed(options) {
      return this.products("viewed", options);
    }
    viewedRelated(options) {
      return this.products("viewed-related", options);
    }
    recommended(options) {
      return this.products("recommended", options);
    }
    similar(options) {
      return this.products("similar_products", options);
    }
    trending(options) {
      return this.products("trending_products", options);
    }
    topSellers(options) {
      return this.products("top_sellers", options);
    }
    async products(list, options) {
      try {
        return (await this.read(list, options)).data;
      } catch (error) {
        this.#tell("error", { error });
        return [];
      }
    }
    async read(list, { signal, ...parameters } = {}) {
      const query = { key: this.key, uuid: this.uuid, ...parameters };
      if (list === "viewed" && !query.uuid) return { data: [] };
      // What was just tracked is in the answer.
      await Promise.race([this.flush(), new Promise((resolve) => setTimeout(resolve, SECOND))]);
      query.after ??= this.position;
      const pairs = Object.entries(query).filter(([, value]) => value != null);
      const path = list[0] === "/" ? list : "/products/" + list;
      const answer = await fetch(`${this.host}/api/v1${path}?${new URLSearchParams(pairs)}`, { signal });
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.error);
      return said;
    }
    #tell(type, detail) {
      this.dispatchEvent(new CustomEvent(type, { detail }));
    }
  }

  globalThis.Footfall = Footfall;
  if (!script?.dataset.key) return;
  const footfall = (globalThis.footfall = safely(() => new Footfall(script.dataset)));
  const push = (work) => setTimeout(work, 0, footfall);
  globalThis.footfallReady?.forEach(push);
  globalThis.footfallReady = { push };
})();
