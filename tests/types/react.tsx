// A storefront in React.
import { FootfallProvider, useFootfall, useProducts, useRecentlyViewed, useRecommended, useShopifyConsent, useTrending, useViewed } from "@footfall/react";
import type { Footfall, Product, UseProductsResult } from "@footfall/react";
import { StrictMode, type ReactNode } from "react";

function Shelf({ products, loading, error, refresh }: UseProductsResult): ReactNode {
  if (loading) return <p>…</p>;
  if (error) return <button onClick={refresh}>{error.message}</button>;
  return products.map((product: Product) => <img key={product.id} src={product.image?.src} alt={product.title ?? ""} />);
}

export function ProductPage({ product }: { product: { id: string; handle: string } | null }) {
  useViewed(product);
  useViewed(product?.id, { widget_id: "quick-view" });
  const footfall: Footfall | null = useFootfall();
  const viewed = useRecentlyViewed({ limit: 4, live: true });
  const recommended = useRecommended({ shopify_product_ids: [1, 2], limit: 3 });
  return (
    <>
      <button onClick={() => footfall?.added({ id: product?.id })}>Add</button>
      <Shelf {...viewed} />
      <Shelf {...recommended} />
      <Shelf {...useTrending()} />
      <Shelf {...useProducts("/custom/id/1234", { cart_subtotal: "49.90" })} />
    </>
  );
}

export function App({ client }: { client: Footfall | null }) {
  const consent: boolean | null = useShopifyConsent();
  return (
    <StrictMode>
      <FootfallProvider apiKey="KEY" host="https://events.shop.example" consent={consent} customerId={null} nonce="abc" gpc="refuse">
        <ProductPage product={null} />
      </FootfallProvider>
      <FootfallProvider client={client} customerId="7" customerSignature="abc" />
    </StrictMode>
  );
}

// @ts-expect-error: a provider has a key and a host, or a client.
export const nothing = <FootfallProvider />;
// @ts-expect-error: a key alone does not say where Footfall answers.
export const keyAlone = <FootfallProvider apiKey="KEY" />;
// @ts-expect-error: not both a client and a key.
export const both = <FootfallProvider client={null} apiKey="KEY" host="https://events.shop.example" />;
// @ts-expect-error: consent is true, false, null or left out.
export const text = <FootfallProvider apiKey="KEY" host="https://events.shop.example" consent="required" />;

export function Wrong() {
  // @ts-expect-error: what is viewed is named.
  useViewed();
  // @ts-expect-error: limits are numbers.
  useTrending({ limit: "5" });
  // @ts-expect-error: the hook stops by itself.
  useTrending({ signal: AbortSignal.timeout(1) });
  // @ts-expect-error: the client is not there on a server.
  useFootfall().viewed("linen-shirt");
  // @ts-expect-error: the answer is an object.
  return useRecentlyViewed().map((product) => product);
}
