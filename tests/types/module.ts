// A module that takes the client from the shop's own Footfall; tsconfig's `paths` names the types.
import { Footfall, type Product, type ReadOptions } from "https://events.shop.example/sdk/footfall.mjs";
import Default from "https://events.shop.example/sdk/footfall.mjs";

const client: Footfall = new Footfall({ key: "KEY", host: "https://events.shop.example", consent: "required", gpc: "refuse" });
const same: typeof Footfall = Default;

export async function handles(options: ReadOptions): Promise<(string | null)[]> {
  const products: Product[] = await client.recentlyViewed(options);
  const { data, metadata } = await client.read("/custom/id/1234", { limit: 3, shopify_product_ids: [1, "2"], signal: AbortSignal.timeout(1000) });
  console.log(metadata, data[0]?.variants[0]?.price?.padEnd(5), data[0]?.image?.src);
  return products.map((product) => product.handle);
}

// @ts-expect-error: a list has a name.
void client.products();
// @ts-expect-error: limits are numbers.
void client.trending({ limit: "5" });
// @ts-expect-error: a list of products is a promise.
client.topSellers().map((product) => product);

export { same };
