import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { describeSpec } from "../../../../src/config/describe-spec.ts";
import { normalizeSpec } from "../../../../src/config/detector-spec.ts";
import { makeDetector } from "../../../../src/config/detector.ts";
import { openDetectorStore } from "../../../../src/control/detector-store.ts";
import { loadContract } from "../../../../src/transport/grpc/definitions.ts";
import { featureSpecs } from "../../../support/feature-specs.ts";

const service = loadContract()["weir.v1.DetectorService"];
if (service === undefined || "format" in service) throw new Error("no DetectorService");
const create = service["CreateDetector"];
if (create === undefined) throw new Error("no CreateDetector");

/** A specification as it arrives when a client sends it. */
function sent(spec: unknown): unknown {
  const request: unknown = create?.requestDeserialize(create.requestSerialize({ name: "d", spec }));
  return Reflect.get(Object(request), "spec");
}

it("features are the same after the wire, in a request and in an answer", () => {
  fc.assert(
    fc.property(featureSpecs, (spec) => {
      const config = normalizeSpec(spec);
      const described = describeSpec(config);
      expect(isDeepStrictEqual(normalizeSpec(sent(described)), config)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

it("features are the same after a restart", async () => {
  const specs = fc.sample(featureSpecs, { numRuns: 30, seed: 7 });
  const detectors = specs.map((spec, i) => makeDetector(`d${i}`, i, normalizeSpec(spec)));
  const directory = await mkdtemp(join(tmpdir(), "weir-features-"));
  try {
    const store = await openDetectorStore(directory);
    await store.save(detectors);
    const loaded = await store.load();
    for (const { name, config } of detectors) {
      expect(isDeepStrictEqual(loaded.get(name), config)).toBe(true);
    }
    await store.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});
