import { describe, expect, it } from "vitest";
import { ABI_VERSION, layoutValues, MEMORY_BYTES_MIN } from "../../../src/shard/layout.ts";
import { compileModule, createMemory, instantiate } from "../../../src/shard/module.ts";
import { builds } from "../../kernel.ts";

describe.each(builds)("layout of %s", (_name, path) => {
  it("has the same numbers on both sides", async () => {
    const kernel = instantiate(await compileModule(path), createMemory(MEMORY_BYTES_MIN));
    expect(kernel.abiVersion()).toBe(ABI_VERSION);
    const numbers = layoutValues.map((_, index) => kernel.layoutValue(index));
    expect(numbers).toEqual([...layoutValues]);
    expect(kernel.layoutValue(layoutValues.length)).toBeNaN();
  });
});
