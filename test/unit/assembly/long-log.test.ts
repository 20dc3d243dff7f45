import { describe, expect, it } from "vitest";
import { builds, TestShard } from "../../kernel.ts";

describe.each(builds)("logs of more than a page, %s build", (_name, path) => {
  it("stay within their blocks while they grow", async () => {
    const shard = await TestShard.make(path, 32 << 20);
    shard.create({ features: 1, trees: 10, height: 12, window: 4096 });
    for (let round = 0; round < 9; round++) {
      for (const key of ["a", "b", "c", "d"]) {
        shard.step(Array.from({ length: 500 }, (_, i) => ({ key, values: [i / 500] })));
        expect(shard.kernel.verify()).toBe(0);
      }
    }
  });
});
