// A page that shows <footfall-products> and puts what is added into its own cart.
import "../../sdk/footfall-products.js";

const list = document.querySelector("footfall-products");
list?.addEventListener("footfall:products", ({ detail }) => detail.products.map((product) => product.title));
list?.addEventListener("click", (event) => event.clientX);
document.addEventListener("footfall:add", (event) => {
  event.preventDefault();
  const { variant, properties } = event.detail;
  console.log(variant.id, properties._widget_id, properties._source.length);
});
void list?.refresh();
if (list) list.footfall = new Footfall({ key: "KEY" });

const made = document.createElement("footfall-products");
made.setAttribute("source", "viewed");
const widget: string = made.widget;

// @ts-expect-error: what it shows is the answer's.
made.products = [];
// @ts-expect-error: an element has attributes for this.
made.source = "viewed";
// @ts-expect-error: a variant is needed too.
void made.add(made.products![0]!);
// @ts-expect-error: what is asked for has no products.
made.addEventListener("footfall:add", ({ detail }) => detail.products);

export { widget };
