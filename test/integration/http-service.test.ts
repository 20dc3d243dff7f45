import { execFile, execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { webhookUrl } from "../../src/alerts/webhook.ts";
import { scoreResponse, detector as detectorSchema } from "../../src/transport/http/schemas.ts";
import { postJson } from "../support/http-rig.ts";
import { listen } from "../support/listen.ts";
import { exchange } from "../support/raw-http.ts";
import { startTestService, type TestService } from "../support/service.ts";

const received: string[] = [];
const receiver = createServer((request, response) => {
  request.on("data", (chunk: Buffer) => received.push(chunk.toString()));
  request.on("end", () => response.writeHead(204).end());
});

let running: TestService;

beforeAll(async () => {
  const port = await listen(receiver);
  running = await startTestService({
    webhook: {
      url: webhookUrl(`http://127.0.0.1:${port}/hook`),
      detectors: ["spikes"],
      headers: {},
      timeoutMs: 5_000,
      attemptsMax: 3,
    },
  });
});

afterAll(async () => {
  await running.stop();
  receiver.close();
});

const at = (path: string) => `${running.url}/v1/detectors${path}`;
const inputs = [{ name: "a" }, { name: "b" }];
const small = { inputs, scaler: "standard", halfSpaceTrees: { window: 20 }, timeoutMs: 10_000 };

async function put(name: string, spec: object): Promise<void> {
  const response = await postJson(at(`/${name}`), spec, "PUT");
  expect(response.status).toBe(201);
}

async function scored(name: string, body: object) {
  const response = await postJson(at(`/${name}/score`), body);
  expect(response.status).toBe(200);
  return scoreResponse.parse(await response.json());
}

/** Rows without a pattern, the same in every run. */
const rows = Array.from({ length: 200 }, (_, i) => [Math.sin(i * 7.7), Math.cos(i * 3.3) * 5]);

describe("the service over HTTP", () => {
  it("scores the same by name, by position and packed", async () => {
    for (const name of ["by-name", "by-position", "packed"]) await put(name, small);
    const byName = await scored("by-name", {
      events: rows.map(([a, b]) => ({ key: "k", numbers: { a, b } })),
    });
    const byPosition = await scored("by-position", {
      events: rows.map((values) => ({ key: "k", values })),
    });
    const packed = await scored("packed", {
      frame: {
        rows: rows.length,
        values: Buffer.from(Float64Array.from(rows.flat()).buffer).toString("base64"),
        keys: ["k"],
      },
    });
    expect(byName.verdicts).toHaveLength(rows.length);
    expect(byPosition).toEqual(byName);
    const bytes = Buffer.from(packed.frame?.rawScores ?? "", "base64");
    const rawScores = byName.verdicts?.map(({ rawScore }) => rawScore);
    expect(rows.map((_, i) => bytes.readDoubleLE(i * 8))).toEqual(rawScores);
    expect(byName.verdicts?.[0]).toMatchObject({ state: "STATE_COLLECTING", rawScore: 0 });
    expect(byName.verdicts?.[0]?.score).toBeUndefined();
    expect(byName.verdicts?.at(-1)?.score).toBeGreaterThan(0);
  });

  it("counts what was learned, resets and deletes", async () => {
    await put("counted", small);
    await scored("counted", { events: rows.slice(0, 30).map((values) => ({ values })) });
    const read = async () => detectorSchema.parse(await (await fetch(at("/counted"))).json());
    expect((await read()).status).toMatchObject({ events: "30", keys: "1" });
    await fetch(at("/counted/reset"), { method: "POST" });
    expect((await read()).status).toMatchObject({ events: "0", keys: "0" });
    expect((await fetch(at("/counted"), { method: "DELETE" })).status).toBe(204);
    expect((await fetch(at("/counted"))).status).toBe(404);
  });

  it("explains, names rules and defaults, and says what is missing by path", async () => {
    await put("explained", {
      ...small,
      inputs: [{ name: "a" }, { name: "b", defaultValue: 1 }],
    });
    await scored("explained", { events: rows.slice(0, 60).map(([a]) => ({ numbers: { a } })) });
    const { verdicts } = await scored("explained", {
      events: [{ id: "x", numbers: { a: 50, b: null } }],
      explain: true,
    });
    expect(verdicts?.[0]?.defaulted).toEqual(["b"]);
    const reasons = verdicts?.[0]?.reasons ?? [];
    expect(reasons.map(({ feature }) => feature).toSorted()).toEqual(["a", "b"]);
    const { verdicts: again } = await scored("explained", {
      events: [{ id: "x", numbers: { a: 1 } }],
    });
    expect(again?.[0]).toMatchObject({ replayed: true, score: verdicts?.[0]?.score });
    const refused = await postJson(at("/explained/score"), {
      events: [{ numbers: { a: 1 } }, { numbers: { b: 1, __proto: 2 } }],
    });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('"field":"events[1].numbers.__proto"');
  });

  it("refuses `__proto__` as a number by path", async () => {
    await put("proto", small);
    const response = await postJson(
      at("/proto/score"),
      '{"events": [{"numbers": {"a": 1, "b": 2, "__proto__": 3}}]}',
    );
    expect(response.status).toBe(400);
    const body = await response.text();
    expect(body).toContain("UNKNOWN_NAME");
    expect(body).toContain("__proto__");
  });

  it("finds anomalies: as events of a stream and through the webhook", async () => {
    await put("spikes", { ...small, threshold: 0.5, burnInEvents: 1 });
    const gone = new AbortController();
    const stream = await fetch(`${running.url}/v1/alerts?detector=spikes`, { signal: gone.signal });
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    const { verdicts } = await scored("spikes", {
      events: rows.map((values, i) => ({ id: `e${i}`, key: "k", values })),
    });
    const anomalies = verdicts?.filter(({ anomaly }) => anomaly) ?? [];
    expect(anomalies.length).toBeGreaterThan(0);
    let text = "";
    while ((text.match(/\ndata: /g)?.length ?? 0) < anomalies.length) {
      const chunk = await reader?.read();
      if (chunk?.value === undefined) break;
      text += chunk.value;
    }
    gone.abort();
    for (const { eventId } of anomalies) expect(text).toContain(`"eventId":"${eventId}"`);
    await eventually(() =>
      expect(received.join("").match(/"id":/g)).toHaveLength(anomalies.length),
    );
    for (const { eventId } of anomalies) expect(received.join("")).toContain(`"${eventId}"`);
  });

  it("shows what it does: metrics, statistics, the document", async () => {
    const metrics = await fetch(`${running.url}/metrics`);
    expect(metrics.headers.get("content-type")).toContain("text/plain");
    expect(await metrics.text()).toMatch(/^weir_\w+\{.*\} /m);
    expect(await (await fetch(`${running.url}/v1/stats`)).json()).toBeTypeOf("object");
    expect((await fetch(`${running.url}/openapi.json`)).status).toBe(200);
  });

  it("survives 2,000 malformed bodies: never a failure of its own, always the right kind", async () => {
    await put("fuzzed", small);
    const valid = JSON.stringify({
      events: [{ id: "i", key: "k", timeUnixMs: "1", numbers: { a: 1, b: null } }],
      mode: "MODE_SCORE_ONLY",
      timeoutMs: 50,
    });
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const statuses = new Map<number, number>();
    const one = async (): Promise<void> => {
      const bytes = Buffer.from(valid);
      for (let change = 0; change <= random(4); change++) {
        bytes[random(bytes.length)] =
          random(3) === 0 ? random(256) : (bytes[random(bytes.length)] ?? 0);
      }
      const response = await fetch(at("/fuzzed/score"), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: bytes.subarray(0, random(8) === 0 ? random(bytes.length) : bytes.length),
      });
      await response.text();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    };
    for (let i = 0; i < 250; i++) await Promise.all(Array.from({ length: 8 }, one));
    expect([...statuses.keys()].every((status) => status === 200 || status === 400)).toBe(true);
    expect(statuses.get(400)).toBeGreaterThan(1_000);
    expect(running.service.core.admission.inFlight).toBe(0);
    expect(await exchange(running.service.httpPort ?? 0, "\u0016\u0003garbage\r\n\r\n")).toContain(
      "HTTP/1.1 400",
    );
    expect((await fetch(`${running.url}/readyz`)).status).toBe(200);
  });
});

describe("the drain over HTTP", () => {
  it("loses no answer to what was learned", async () => {
    const draining = await startTestService();
    const url = `${draining.url}/v1/detectors`;
    await postJson(`${url}/d`, small, "PUT");
    const stream = await fetch(`${draining.url}/v1/alerts`);
    let stopping = false;
    let answered = 0;
    const caller = async (): Promise<void> => {
      for (;;) {
        const response = await postJson(`${url}/d/score`, { events: [{ values: [1, 2] }] }).catch(
          (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
        );
        if (response instanceof Error) {
          // Only once the port is closed, which comes after the drain.
          expect(stopping).toBe(true);
          return;
        }
        const body: unknown = await response.json();
        if (response.status !== 200) {
          expect(body).toMatchObject({ reason: "DRAINING", retryAfterMs: 1_000 });
          return;
        }
        answered++;
      }
    };
    const callers = Array.from({ length: 16 }, caller);
    await eventually(() => expect(answered).toBeGreaterThan(200));
    stopping = true;
    await Promise.all([draining.stop(), ...callers]);
    const { detectors } = draining.service.core;
    expect(detectors.status(detectors.get("d")).events).toBe(answered);
    expect(await stream.text()).toContain(": alerts from now on");
  });
});

const python = process.env["WEIR_PYTHON"] ?? "python3";

function hasHttpx(): boolean {
  try {
    execFileSync(python, ["-c", "import httpx"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("a Python client", () => {
  it.skipIf(!hasHttpx())(`talks HTTP through httpx (WEIR_PYTHON, else python3)`, async () => {
    const script = fileURLToPath(new URL("../fixtures/http-client.py", import.meta.url));
    const { stdout } = await promisify(execFile)(python, [script, running.url]);
    expect(stdout.trim().split("\n").at(-1)).toBe("ok");
  });
});
