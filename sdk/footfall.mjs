// The same as an ES module: `import { Footfall } from "https://…/sdk/footfall.mjs"`.
import "./footfall.js";
export const Footfall = globalThis.Footfall;
export default Footfall;
