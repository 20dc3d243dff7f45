import { afterAll, beforeAll, expect, it } from "vitest";
import { startLlamaFarm, type LlamaFarmService } from "../support/llamafarm.ts";

let service: LlamaFarmService;

beforeAll(async () => {
  service = await startLlamaFarm();
});

afterAll(async () => {
  await service?.stop();
});

it("describes every route of LlamaFarm's, with its methods, and no other", async () => {
  const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
  };
  const paths = Object.entries(document.paths).filter(([path]) => path.startsWith("/v1/ml/"));
  const all = paths.flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path.slice(6)}`),
  );
  expect(all.toSorted()).toEqual([
    "DELETE /anomaly/models/{filename}",
    "DELETE /anomaly/stream/{id}",
    "DELETE /polars/buffers/{id}",
    "GET /anomaly/backends",
    "GET /anomaly/models",
    "GET /anomaly/stream/detectors",
    "GET /anomaly/stream/{id}",
    "GET /polars/buffers",
    "GET /polars/buffers/{id}",
    "GET /polars/buffers/{id}/data",
    "POST /anomaly/detect",
    "POST /anomaly/fit",
    "POST /anomaly/load",
    "POST /anomaly/save",
    "POST /anomaly/score",
    "POST /anomaly/stream",
    "POST /anomaly/stream/{id}/reset",
    "POST /polars/append",
    "POST /polars/buffers",
    "POST /polars/buffers/{id}/clear",
    "POST /polars/features",
  ]);
  for (const prefix of ["/v1/ml", "/v1"]) {
    for (const [path, item] of paths) {
      const response = await fetch(service.url + prefix + path.slice(6).replace(/\{\w+\}/, "x"), {
        method: "PROPFIND",
      });
      expect(response.status).toBe(405);
      const allowed = (response.headers.get("allow") ?? "").split(", ");
      const documented = Object.keys(item).map((method) => method.toUpperCase());
      for (const method of documented) expect(allowed).toContain(method);
    }
  }
});
