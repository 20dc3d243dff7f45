import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { event, request, submit } from "../support/core.ts";
import { startKept } from "../support/kept-server.ts";
import type { KeptServer } from "../support/kept-server.ts";

let data = "";
let server: KeptServer | undefined;
const told: string[] = [];
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "weir-redeclared-"));
  told.length = 0;
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(data, { recursive: true, force: true });
});

const trees = { trees: 5, height: 6, window: 40, limits: { a: { low: 0, high: 1 } } };
const usual = { inputs: [{ name: "a" }], halfSpaceTrees: trees, timeoutMs: 5000 };

/** A start with this declaration of "d" in the configuration. */
async function startWith(declaration: object | undefined): Promise<KeptServer> {
  await server?.close();
  const declared = new Map(
    declaration === undefined ? [] : [["d", normalizeSpec(declaration, "d")] as const],
  );
  const note = (fields: object, text: string): void => {
    told.push("version" in fields ? `${String(fields.version)} ${text}` : text);
  };
  server = await startKept(data, { declared, told: { info: note, warn: note } });
  return server;
}

async function send({ core }: KeptServer, events: number): Promise<void> {
  const sent = Array.from({ length: events }, (_, i) => event({ numbers: { a: (i * 0.37) % 1 } }));
  const { durables } = await submit(core, request({ detector: "d", events: sent }));
  expect(durables.every((durable) => durable === 1)).toBe(true);
}

/** Events that the one that answers has learned, and its version and those before. */
function stateOf({ core }: KeptServer): { events: number; versions: number[] } {
  const { events } = core.detectors.status(core.detectors.get("d"));
  return { events, versions: core.versions.list("d").map(({ version }) => version) };
}

test("a declaration that keeps the state is an update, each time that it changes, and only then", async () => {
  await send(await startWith(usual), 60);
  expect(stateOf(await startWith(usual))).toEqual({ events: 60, versions: [1] });
  const other = { ...usual, alertShare: 0.05 };
  expect(stateOf(await startWith(other))).toEqual({ events: 60, versions: [2, 1] });
  expect(told).toEqual([
    "2 the configuration declares this detector anew: it goes on with what it had learned",
  ]);
  expect(stateOf(await startWith(other))).toEqual({ events: 60, versions: [2, 1] });
  const again = await startWith(usual);
  expect(stateOf(again)).toEqual({ events: 60, versions: [3, 2, 1] });
  expect(again.core.detectors.get("d").config.threshold).toEqual(
    normalizeSpec(usual, "d").threshold,
  );
});

test("what an operator did since the same declaration stays", async () => {
  const first = await startWith(usual);
  await send(first, 20);
  await first.core.versions.update("d", normalizeSpec({ ...usual, alertShare: 0.1 }, "d"));
  for (let start = 0; start < 2; start++) {
    const { core } = await startWith(usual);
    expect(core.versions.list("d")[0]?.version).toBe(2);
  }
  expect(told).toEqual([]);
});

test("a declaration that cannot keep the state learns beside the one before", async () => {
  await send(await startWith(usual), 60);
  const wider = { ...usual, halfSpaceTrees: { ...trees, trees: 9 } };
  const { core } = await startWith(wider);
  expect(told).toEqual([
    "2 the configuration declares this detector anew: it learns beside the one before, which answers until it is ready",
  ]);
  expect(core.versions.list("d").map(({ version, state }) => [version, state])).toEqual([
    [2, "learning"],
    [1, "serving"],
  ]);
  const again = await startWith(wider);
  expect(told).toHaveLength(1);
  expect(again.core.versions.list("d")[0]?.state).toBe("learning");
});

test("with other inputs it begins anew, and that is told", async () => {
  await send(await startWith(usual), 60);
  const other = { ...usual, inputs: [{ name: "a" }, { name: "b" }] };
  expect(stateOf(await startWith(other)).events).toBe(0);
  expect(told[0]).toContain("it begins anew: what it had learned is gone");
  expect(stateOf(await startWith(other)).events).toBe(0);
  expect(told).toHaveLength(1);
});

test("one that cannot be taken over now stays as it was, and is tried again", async () => {
  const first = await startWith(usual);
  await send(first, 60);
  await first.core.shadows.start({
    name: "s",
    shadowed: "d",
    config: normalizeSpec({ ...usual, alertShare: 0.02 }, "s"),
    share: 0,
    copyState: false,
  });
  const other = { ...usual, inputs: [{ name: "a", defaultValue: 0.5 }] };
  for (const times of [1, 2]) {
    const { core } = await startWith(other);
    expect(told).toHaveLength(times);
    expect(told[0]).toBe(
      "the configuration declares this detector differently: it stays as it was",
    );
    expect(core.detectors.find("s")).toBeDefined();
  }
  await server?.core.shadows.stop("s");
  expect(stateOf(await startWith(other))).toEqual({ events: 60, versions: [2, 1] });
});
