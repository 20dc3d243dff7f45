import { fileURLToPath } from "node:url";

/** Both builds of the kernel, for `describe.each`: they must agree in everything. */
export const builds: readonly (readonly [name: string, path: string])[] = [
  ["release", fileURLToPath(new URL("../build/weir.wasm", import.meta.url))],
  ["debug", fileURLToPath(new URL("../build/weir.debug.wasm", import.meta.url))],
];
