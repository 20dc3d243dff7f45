import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { replay } from "../../src/cli/replay.ts";
import { explainIn } from "../../src/report/explain-verdict.ts";
import type { Explained } from "../../src/report/explain-verdict.ts";
import { PackedRowsReader } from "../../src/report/packed-row.ts";
import { compileModule } from "../../src/shard/module.ts";
import { Kind } from "../../src/state/journal/entry.ts";
import { openStateSource } from "../../src/state/replay/source.ts";
import type { StateSource } from "../../src/state/replay/run-types.ts";
import type { DetectorSpec } from "../../src/transport/grpc/generated/weir/v1/DetectorSpec.ts";
import type { ExplainVerdictResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ExplainVerdictResponse.ts";
import type { ScoreResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ScoreResponse.ts";
import type { Verdict__Output } from "../../src/transport/grpc/generated/weir/v1/Verdict.ts";
import { connect, unary, valueOf } from "../support/grpc.ts";
import type { Clients } from "../support/grpc.ts";
import { keptModulePath } from "../support/kept-core.ts";
import { startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";

const specs: Readonly<
  Record<"keys" | "cell", { readonly live: DetectorSpec; readonly next: DetectorSpec }>
> = {
  keys: {
    live: { inputs: [{ name: "a" }], halfSpaceTrees: { window: 10 }, burnInEvents: 5 },
    next: { inputs: [{ name: "a" }], halfSpaceTrees: { window: 7, trees: 25 }, burnInEvents: 5 },
  },
  // The live one has all rows in one shard, its shadow a key where it belongs.
  cell: {
    live: {
      inputs: [{ name: "a" }],
      ecod: {},
      window: { rows: 60, minSamples: 20, retrainInterval: 30, scope: "SCOPE_DETECTOR" },
    },
    next: { inputs: [{ name: "a" }], halfSpaceTrees: { window: 7 }, burnInEvents: 5 },
  },
};

/** What a client got, by id. */
const got = new Map<string, Verdict__Output>();
/** By id. */
const keys = new Map<string, string>();
/** Ids of requests that came while the shadow had a share. */
const shared = new Set<string>();
let data: string;
let source: StateSource;
let module: WebAssembly.Module;

/** Runs a service over the data, with a client. */
async function during(act: (clients: Clients) => Promise<void>): Promise<void> {
  const service: TestService = await startTestService({ dataDirectory: data });
  const clients = connect(service.service.grpcPort);
  try {
    await act(clients);
  } finally {
    clients.close();
    await service.stop();
  }
}

async function send({ scoring }: Clients, detector: string, requests: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < requests; i++) {
    const from = got.size;
    const events = Array.from({ length: 8 }, (_, row) => {
      const at = from + row;
      // A key twice in a request: its rows differ in nothing but their order and their values.
      const key = `card ${Math.floor(((at * 7919) % 97) / 2)}`;
      keys.set(`e${at}`, key);
      return { id: `e${at}`, key, numbers: { a: ((at * 7919) % 1009) / 1009 } };
    });
    keys.set(`e${from + 8}`, events[0]?.key ?? "");
    const request = { detector, events: [...events, { ...events[0], id: `e${from + 8}` }] };
    const response = valueOf(
      // oxlint-disable-next-line no-await-in-loop -- one after the other, as a client does
      await unary<ScoreResponse__Output>((done) => scoring.Score(request, done)),
    );
    for (const verdict of response.verdicts ?? []) {
      const id = verdict.eventId ?? "";
      got.set(id, verdict);
      ids.push(id);
    }
  }
  return ids;
}

async function serve(name: keyof typeof specs): Promise<void> {
  const { live, next } = specs[name];
  const shadow = `${name}-next`;
  await during(async (clients) => {
    const { admin, detectors } = clients;
    const timeoutMs = 10_000;
    valueOf(
      await unary((done) => detectors.CreateDetector({ name, spec: { ...live, timeoutMs } }, done)),
    );
    await send(clients, name, 30);
    const start = { name: shadow, shadowed: name, spec: { ...next, timeoutMs }, share: 0.5 };
    valueOf(await unary((done) => admin.StartShadow(start, done)));
    for (const id of await send(clients, name, 40)) shared.add(id);
    valueOf(await unary((done) => admin.PromoteShadow({ name: shadow }, done)));
    await send(clients, name, 20);
    valueOf(await unary((done) => admin.SetShadowShare({ name: shadow, share: 0.3 }, done)));
    for (const id of await send(clients, name, 20)) shared.add(id);
    valueOf(await unary((done) => admin.StopShadow({ name: shadow }, done)));
    await send(clients, name, 10);
  });
}

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "weir-share-"));
  for (const name of ["keys", "cell"] as const) await serve(name);
  source = openStateSource(data);
  module = await compileModule(keptModulePath);
}, 120_000);
afterAll(() => rmSync(data, { recursive: true, force: true }));

function bits(verdict: Verdict__Output): unknown {
  const { score = null, rawScore = 0, threshold = 0, anomaly = false, modelVersion = 0 } = verdict;
  return { score, rawScore, threshold, anomaly, modelVersion };
}

function answeredBits({ answered }: Explained): unknown {
  if (answered === undefined) return undefined;
  const { scores, rawScores, thresholds, anomalies, modelVersions } = answered;
  return bits({
    ...(Number.isNaN(scores[0]) ? {} : { score: scores[0] ?? 0 }),
    rawScore: rawScores[0] ?? 0,
    threshold: thresholds[0] ?? 0,
    anomaly: anomalies[0] === 1,
    modelVersion: modelVersions[0] ?? 0,
  });
}

/** One id in `step` of those of a detector, those of shares among them. */
function some(name: string, step: number): readonly string[] {
  const half = got.size / 2;
  return [...got.keys()].filter((_, at) => at % step === 0 && at < half === (name === "keys"));
}

describe.each(["keys", "cell"] as const)("of %s, whichever side answered", (name) => {
  test("every event is explained by its id as the client got it", () => {
    const parts = new Set<string>();
    for (const id of some(name, name === "keys" ? 29 : 50)) {
      const explained = explainIn(source, module, { detector: name, id, key: undefined });
      expect(explained, id).toBeDefined();
      if (explained === undefined) continue;
      expect(answeredBits(explained), id).toEqual(bits(got.get(id) ?? {}));
      expect(explained).toMatchObject({ asked: name, differences: [], eventId: id });
      parts.add(explained.part);
      if (!shared.has(id)) expect(explained.part).toBe("serving");
    }
    expect(parts).toEqual(new Set(["serving", "share"]));
  });

  test("a place of the live one's leads to the row that answered", () => {
    const wanted = new Set(some(name, name === "keys" ? 31 : 60).filter((id) => shared.has(id)));
    const led = livePlaces()
      .filter(({ id }) => wanted.has(id))
      .filter(({ id, position, row }) => {
        const explained = explainIn(source, module, { position, row });
        expect(explained && answeredBits(explained), id).toEqual(bits(got.get(id) ?? {}));
        return explained?.position !== position || explained.row !== row;
      });
    expect(led.length).toBeGreaterThan(1);
  });

  test("a replay compares with what the clients got", async () => {
    const out = join(data, `${name}.ndjson`);
    const lines: string[] = [];
    const print = (text: string): void => void lines.push(text);
    const terminal = { print, error: print, interactive: false };
    const argv = ["--data", data, "--detector", name, "--out", out];
    expect(await replay(argv, terminal, keptModulePath)).toBe(0);
    expect(lines.join("\n")).toContain(`Everything is equal: ${grouped(got.size / 2)} verdicts`);
    const rows = readFileSync(out, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(new Set(rows.map((row) => row["id"]))).toEqual(new Set(some(name, 1)));
    for (const row of rows) {
      const verdict = got.get(String(row["id"]));
      expect(row["live_score"] ?? null).toBe(verdict?.score ?? null);
    }
    const by = new Set(rows.map((row) => row["answered_by"]));
    expect(by).toEqual(new Set([name, `${name}-next`]));
  });
});

test("the service explains it so, after a restart", async () => {
  await during(async ({ admin }) => {
    for (const name of ["keys", "cell"]) {
      for (const eventId of some(name, 97)) {
        const response = valueOf(
          // oxlint-disable-next-line no-await-in-loop -- one is explained at a time
          await unary<ExplainVerdictResponse__Output>((done) =>
            admin.ExplainVerdict({ detector: name, eventId, key: keys.get(eventId) ?? "" }, done),
          ),
        );
        expect(bits(response.answered ?? {}), eventId).toEqual(bits(got.get(eventId) ?? {}));
      }
    }
  });
}, 60_000);

test("another specification is compared with the side that answered", async () => {
  const path = join(data, "other.yaml");
  writeFileSync(
    path,
    "inputs: [{ name: a }]\nhalf_space_trees: { window: 10 }\nburn_in_events: 5\n",
  );
  const out = join(data, "other.ndjson");
  const terminal = { print: () => undefined, error: () => undefined, interactive: false };
  const argv = ["--data", data, "--detector", "keys", "--out", out, "--spec", path];
  await replay(argv, terminal, keptModulePath);
  const rows = readFileSync(out, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows).toHaveLength(got.size / 2);
  for (const row of rows) {
    expect(row["live_score"] ?? null).toBe(got.get(String(row["id"]))?.score ?? null);
  }
});

/** Of all rows that were not fed aside. */
function livePlaces(): { readonly id: string; readonly position: number; readonly row: number }[] {
  const decoder = new TextDecoder();
  return [...source.entries({ after: 0, kinds: [Kind.ROWS] })].flatMap(({ body, position }) => {
    const packed = new PackedRowsReader(body);
    const rows = Array.from({ length: packed.rows }, (_, row) => row);
    return rows
      .filter((row) => !packed.isAside(row))
      .map((row) => {
        const [id = ""] = /e\d+$/.exec(decoder.decode(packed.id(row))) ?? [];
        return { id, position, row };
      });
  });
}

function grouped(count: number): string {
  return count.toLocaleString("en");
}
