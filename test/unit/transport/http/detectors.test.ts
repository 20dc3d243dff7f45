import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pageOf } from "../../../../src/transport/http/detectors.ts";
import {
  createDetectorRequest,
  detector,
  detectorList,
} from "../../../../src/transport/http/schemas.ts";
import { exchange } from "../../../support/raw-http.ts";
import { cardsSpec, postJson, startHttp, type HttpRig } from "../../../support/http-rig.ts";

let rig: HttpRig;

beforeEach(async () => {
  rig = await startHttp();
});

afterEach(async () => {
  await rig.http.close();
});

const at = (path: string) => `${rig.url}/v1/detectors${path}`;

function resetFrom(site: string): Promise<string> {
  return exchange(
    rig.port,
    "POST /v1/detectors/cards/reset HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" +
      `sec-fetch-site: ${site}\r\n\r\n`,
  );
}

describe("detectors over HTTP", () => {
  it("creates by PUT: 201, the same again 200, another spec 409", async () => {
    const created = await postJson(at("/new"), cardsSpec, "PUT");
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe("/v1/detectors/new");
    const body: unknown = await created.json();
    expect(detector.safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({
      name: "new",
      spec: {
        inputs: [{ name: "amount", type: "INPUT_TYPE_NUMBER" }, {}, {}],
        halfSpaceTrees: { seed: "42", trees: 10 },
        timeoutMs: 20,
      },
      status: { events: "9007199254740991", schema: 4_294_967_295, modelVersion: 1 },
    });
    expect((await postJson(at("/new"), cardsSpec, "PUT")).status).toBe(200);
    const other = await postJson(at("/new"), { ...cardsSpec, timeoutMs: 99 }, "PUT");
    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({ reason: "DETECTOR_EXISTS" });
  });

  it("creates by POST, the name in the body", async () => {
    const body = { name: "käse/1".replace("/", "-"), spec: cardsSpec };
    expect(createDetectorRequest.safeParse(body).error).toBeUndefined();
    const created = await postJson(at(""), body);
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe("/v1/detectors/k%C3%A4se-1");
    expect((await fetch(`${rig.url}${created.headers.get("location")}`)).status).toBe(200);
  });

  it("takes what it answers", async () => {
    const { spec } = detector.parse(await (await fetch(at("/cards"))).json());
    expect((await postJson(at("/copy"), spec, "PUT")).status).toBe(201);
    expect(rig.registry.get("copy").config).toEqual(rig.registry.get("cards").config);
  });

  it.each([
    ["18446744073709551615", 18_446_744_073_709_551_615n],
    ['"18446744073709551615"', 18_446_744_073_709_551_615n],
    ["9007199254740993", 9_007_199_254_740_993n],
    ["7", 7n],
  ])("keeps every digit of the seed %s", async (text, seed) => {
    const spec = `{"inputs": [{"name": "a"}], "half_space_trees": {"seed": ${text}}}`;
    const response = await postJson(at("/seeded"), spec, "PUT");
    expect(response.status).toBe(201);
    expect(rig.registry.get("seeded").config.model.seed).toBe(seed);
    expect(await response.json()).toMatchObject({
      spec: { halfSpaceTrees: { seed: String(seed) } },
    });
  });

  it.each([
    ['{"inputs": []}', "INVALID_SPEC", "inputs"],
    ['{"inputs": [{"name": "a"}], "nope": 1}', "INVALID_SPEC", "nope"],
    ['{"inputs": [{"name": "a"}], "__proto__": {"x": 1}}', "INVALID_SPEC", "__proto__"],
    ['{"inputs": [{"name": "__proto__"}]}', "INVALID_SPEC", "inputs[0].name"],
    [
      '{"inputs": [{"name": "a"}], "halfSpaceTrees": {"limits": {"__proto__": {"low": 0, "high": 1}}}}',
      "INVALID_SPEC",
      "half_space_trees.limits.__proto__",
    ],
    [
      '{"inputs": [{"name": "a"}], "halfSpaceTrees": {"seed": 18446744073709551616}}',
      "INVALID_SPEC",
      "half_space_trees.seed",
    ],
    ["[1]", "INVALID_SPEC", ""],
    ["{", "MALFORMED", undefined],
  ])("refuses the spec %s by path", async (text, reason, field) => {
    const response = await postJson(at("/bad"), text, "PUT");
    expect(response.status).toBe(400);
    const body: unknown = await response.json();
    expect(body).toMatchObject({ reason });
    if (field !== undefined) expect(body).toHaveProperty("violations[0].field", field);
    expect(rig.registry.find("bad")).toBeUndefined();
  });

  it.each([
    ['{"name": "x", "spec": {"inputs": [{}]}}', "INVALID_SPEC", "spec.inputs[0].name"],
    ['{"name": "x"}', "INVALID_SPEC", "spec"],
    ['{"spec": {}}', "INVALID_NAME", "name"],
    ['{"name": "../etc", "spec": {}}', "INVALID_NAME", "name"],
    ['{"name": "x", "spec": {}, "more": 1}', "MALFORMED", "more"],
    ['{"__proto__": {"name": "x"}}', "MALFORMED", "__proto__"],
    ["[]", "MALFORMED", "body"],
  ])("refuses the envelope %s by path", async (text, reason, field) => {
    const response = await postJson(at(""), text);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ reason, violations: [{ field }] });
  });

  it.each(["%2Fetc", "a%5Cb", "..", "a%00b", "%ED%A0%80", "x".repeat(129), "__proto__"])(
    "refuses the name %s",
    async (name) => {
      const response = await postJson(at(`/${name.replace("..", "a..b")}`), cardsSpec, "PUT");
      expect(response.status).toBe(400);
    },
  );

  it("reads, resets and deletes", async () => {
    const read = await fetch(at("/cards"));
    expect(read.status).toBe(200);
    const reset = await fetch(at("/cards/reset"), { method: "POST" });
    expect(reset.status).toBe(200);
    expect(await reset.json()).toMatchObject({ name: "cards" });
    const gone = await fetch(at("/cards"), { method: "DELETE" });
    expect(gone.status).toBe(204);
    expect(await gone.text()).toBe("");
    for (const [method, path] of [
      ["GET", "/cards"],
      ["DELETE", "/cards"],
      ["POST", "/cards/reset"],
    ]) {
      const response = await fetch(at(path ?? ""), { method: method ?? "" });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ reason: "UNKNOWN_DETECTOR" });
    }
  });

  it("refuses a reset for a page of another site", async () => {
    expect(await resetFrom("cross-site")).toContain("HTTP/1.1 403 ");
    expect(await resetFrom("same-site")).toContain("CROSS_SITE");
    expect(await resetFrom("same-origin")).toContain("HTTP/1.1 200 ");
  });

  it("lists in pages", async () => {
    for (const name of ["b", "\u{10000}", "\uffff", "a"]) {
      await postJson(at(""), { name, spec: cardsSpec });
    }
    const names: string[][] = [];
    let token = "";
    do {
      const response = await fetch(at(`?pageSize=2&pageToken=${token}`));
      const body = detectorList.parse(await response.json());
      names.push(body.detectors.map(({ name }) => name));
      token = body.nextPageToken ?? "";
    } while (token !== "");
    expect(names).toEqual([["a", "b"], ["cards", "\uffff"], ["\u{10000}"]]);
    const all = detectorList.parse(await (await fetch(at(""))).json());
    expect(all.detectors).toHaveLength(5);
    expect(all.nextPageToken).toBeUndefined();
  });

  it.each(["pageSize=-1", "pageSize=x", "pageSize=1.5", "nope=1", "pageSize=1&pageSize=2"])(
    "refuses the query %s",
    async (query) => {
      const response = await fetch(at(`?${query}`));
      expect(response.status).toBe(400);
      const detail = query.startsWith("nope")
        ? 'nope: there is no such query parameter; there are "pageSize" and "pageToken"'
        : "pageSize: expected one whole number between 0 (all) and 1000";
      expect(await response.json()).toMatchObject({ reason: "MALFORMED", detail });
    },
  );
});

describe("pageOf", () => {
  it("goes on after a name that is gone", () => {
    const list = rig.registry.list();
    const token = Buffer.from("b").toString("base64url");
    expect(pageOf(list, 0, token).page.map(({ name }) => name)).toEqual(["cards"]);
    expect(pageOf(list, 0, Buffer.from("cards").toString("base64url")).page).toEqual([]);
  });
});
