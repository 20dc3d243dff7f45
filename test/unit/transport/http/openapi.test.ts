import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { normalizeSpec } from "../../../../src/config/detector-spec.ts";
import { isObject } from "../../../../src/transport/http/json.ts";
import { startHttp, type HttpRig } from "../../../support/http-rig.ts";

type Json = Readonly<Record<string, unknown>>;

let rig: HttpRig;
let document: Json;

function object(value: unknown): Json {
  if (!isObject(value)) throw new Error(`no object: ${JSON.stringify(value)}`);
  return value;
}

beforeAll(async () => {
  rig = await startHttp();
  document = object(await (await fetch(`${rig.url}/openapi.json`)).json());
});

afterAll(async () => {
  await rig.http.close();
});

/** Every operation with its method and path. */
function operations(): { method: string; path: string; operation: Json }[] {
  return Object.entries(object(document["paths"])).flatMap(([path, item]) =>
    Object.entries(object(item)).map(([method, operation]) => ({
      method,
      path,
      operation: object(operation),
    })),
  );
}

function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isObject(value)) return [];
  const { $ref } = value;
  const own = typeof $ref === "string" ? [$ref] : [];
  return [...own, ...Object.values(value).flatMap(referencesIn)];
}

describe("/openapi.json", () => {
  it("is OpenAPI 3.1", () => {
    expect(document).toMatchObject({
      openapi: "3.1.1",
      info: { title: "Weir", version: "0.0.0" },
    });
  });

  it("has every route", () => {
    const all = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(all.toSorted()).toEqual([
      "DELETE /v1/admin/shadows/{name}",
      "DELETE /v1/detectors/{name}",
      "GET /",
      "GET /healthz",
      "GET /metrics",
      "GET /openapi.json",
      "GET /readyz",
      "GET /v1/admin/detectors/{name}/export",
      "GET /v1/admin/detectors/{name}/versions",
      "GET /v1/admin/explain",
      "GET /v1/admin/shadows/{name}",
      "GET /v1/admin/snapshots",
      "GET /v1/admin/state",
      "GET /v1/admin/verify",
      "GET /v1/alerts",
      "GET /v1/detectors",
      "GET /v1/detectors/{name}",
      "GET /v1/detectors/{name}/features",
      "GET /v1/ml/anomaly/backends",
      "GET /v1/stats",
      "POST /v1/admin/backups",
      "POST /v1/admin/detectors/{name}/rollback",
      "POST /v1/admin/detectors/{name}/versions",
      "POST /v1/admin/import",
      "POST /v1/admin/shadows",
      "POST /v1/admin/shadows/{name}/promote",
      "POST /v1/admin/snapshots",
      "POST /v1/detectors",
      "POST /v1/detectors/{name}/features",
      "POST /v1/detectors/{name}/reset",
      "POST /v1/detectors/{name}/score",
      "PUT /v1/admin/shadows/{name}/share",
      "PUT /v1/detectors/{name}",
    ]);
  });

  it("has only routes that are served, with their methods", async () => {
    const methods = new Map<string, Set<string>>();
    for (const { method, path } of operations()) {
      methods.set(path, (methods.get(path) ?? new Set()).add(method.toUpperCase()));
    }
    for (const [path, documented] of methods) {
      const response = await fetch(`${rig.url}${path.replace("{name}", "cards")}`, {
        method: "PROPFIND",
      });
      expect(response.status).toBe(405);
      const allowed = (response.headers.get("allow") ?? "").split(", ");
      expect(allowed.filter((method) => method !== "HEAD")).toEqual([...documented].toSorted());
    }
  });

  it("names and describes every operation, its parameters and its answers", () => {
    const ids = operations().map(({ operation }) => operation["operationId"]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, method, operation } of operations()) {
      expect(operation["operationId"], `${method} ${path}`).toMatch(/^\w+$/);
      expect(operation["summary"]).toMatch(/./);
      expect(operation["tags"]).toHaveLength(1);
      const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
      const parameters: unknown[] = Array.isArray(operation["parameters"])
        ? operation["parameters"]
        : [];
      const declared = parameters.map(object).filter((each) => each["in"] === "path");
      expect(declared.map((each) => each["name"])).toEqual(inPath);
      expect(declared.every((each) => each["required"] === true)).toBe(true);
      const answers = object(operation["responses"]);
      expect(Object.keys(answers).length).toBeGreaterThan(0);
      for (const answer of Object.values(answers)) {
        expect(object(answer)["description"]).toMatch(/./);
      }
    }
  });

  it("documents the webhook", () => {
    expect(document).toHaveProperty(
      "webhooks.alerts.post.requestBody.content.application/json.schema.$ref".split("."),
      "#/components/schemas/WebhookBody",
    );
  });

  it("refers only to what it has, and has nothing that is not referred to", () => {
    const names = Object.keys(object(object(document["components"])["schemas"]));
    const known = names.map((name) => `#/components/schemas/${name}`);
    expect([...new Set(referencesIn(document))].toSorted()).toEqual(known.toSorted());
  });

  it("documents a spec as normalizeSpec takes it", () => {
    const schemas = object(object(document["components"])["schemas"]);
    const spec = object(object(schemas["DetectorSpec"])["properties"]);
    const config = normalizeSpec({
      inputs: [{ name: "a", type: "INPUT_TYPE_NUMBER", missing: "MISSING_MODEL" }],
    });
    expect(Object.keys(spec)).toContain("halfSpaceTrees");
    expect(spec["scaler"]).toHaveProperty("enum", [
      "SCALER_NONE",
      "SCALER_STANDARD",
      "SCALER_MIN_MAX",
      "SCALER_ROBUST",
    ]);
    for (const name of Object.keys(spec)) {
      // A field that the parser does not know is told as such; null = absent for all others.
      expect(() =>
        normalizeSpec({
          inputs: [{ name: "a", missing: "MISSING_MODEL" }],
          ...(name === "inputs" ? {} : { [name]: null }),
        }),
      ).not.toThrow();
    }
    expect(config.inputs).toHaveLength(1);
  });
});
