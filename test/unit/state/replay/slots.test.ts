import { expect, test } from "vitest";
import { encodeChange, encodeProcessChange, Kind } from "../../../../src/state/journal/entry.ts";
import type { Entry } from "../../../../src/state/journal/entry.ts";
import type { CatalogueEntry } from "../../../../src/state/process-change.ts";
import { Slots } from "../../../../src/state/replay/slots.ts";

const spec = { inputs: [{ name: "a" }] };
let position = 0;

function entry(kind: Kind, body: Uint8Array): Entry {
  position++;
  return { position, kind, body, shard: 0, unixMs: 0, rows: 0 };
}

function create(slots: Slots, slot: number, name: string, version = 1): void {
  const text = JSON.stringify({ name, version, spec });
  const block = new Float64Array(1);
  slots.apply(entry(Kind.CHANGE, encodeChange({ kind: "create", slot, spec: text, block })));
}

function names(
  slots: Slots,
  ...detectors: readonly Pick<CatalogueEntry, "name" | "slot" | "version" | "versions">[]
): void {
  const catalogue = { detectors: detectors.map((each) => ({ ...each, spec })) };
  slots.apply(entry(Kind.PROCESS, encodeProcessChange({ kind: "catalogue", catalogue })));
}

/** Of a slot: whose rows are, and of which version; then those that were fed aside. */
function owners(slots: Slots, slot: number): readonly (string | undefined)[] {
  return [slots.owner(slot, false), slots.owner(slot, true)].map((each) =>
    each === undefined ? undefined : `${each.name} ${each.version}`,
  );
}

const isShadow = { shadowOf: "live" };

test("a name goes where the catalogue says, with its version", () => {
  const slots = new Slots(new Map());
  create(slots, 0, "live");
  names(slots, { name: "live", slot: 0, version: 1 });
  create(slots, 1, "beside");
  names(
    slots,
    { name: "beside", slot: 1, version: 1, versions: isShadow },
    { name: "live", slot: 0, version: 1 },
  );
  expect(owners(slots, 0)).toEqual(["live 1", undefined]);
  // Rows that are not fed aside come for it when it is promoted, before the catalogue says so.
  expect(owners(slots, 1)).toEqual(["live 1", "beside 1"]);
  names(
    slots,
    { name: "beside", slot: 0, version: 2, versions: isShadow },
    { name: "live", slot: 1, version: 2 },
  );
  // Rows that were admitted before it are still the first version's.
  expect(owners(slots, 0)).toEqual(["live 1", "beside 2"]);
  // Rows that waited for the shadow go in before it is promoted, and may be cut after it.
  expect(owners(slots, 1)).toEqual(["live 2", "beside 1"]);
  expect(slots.at(0)).toMatchObject({
    name: "beside",
    version: 2,
    spec: { inputs: [{ name: "a" }] },
  });
  names(slots, { name: "live", slot: 1, version: 2 });
  slots.apply(entry(Kind.CHANGE, encodeChange({ kind: "delete", slot: 0 })));
  expect(owners(slots, 0)).toEqual([undefined, undefined]);
  expect(owners(slots, 1)).toEqual(["live 2", "beside 1"]);
});

test("what a version learned from is nobody's", () => {
  const slots = new Slots(new Map());
  create(slots, 0, "live");
  names(slots, { name: "live", slot: 0, version: 1 });
  create(slots, 1, "live", 2);
  expect(owners(slots, 1)).toEqual(["live 2", undefined]);
  names(slots, { name: "live", slot: 1, version: 2 });
  expect(owners(slots, 1)).toEqual(["live 2", undefined]);
  expect(owners(slots, 0)).toEqual(["live 1", undefined]);
});

test("other settings of a slot keep its name and its part", () => {
  const slots = new Slots(new Map());
  create(slots, 0, "first");
  names(slots, { name: "beside", slot: 0, version: 4, versions: isShadow });
  const text = JSON.stringify({ name: "first", version: 5, spec });
  const block = new Float64Array(1);
  slots.apply(entry(Kind.CHANGE, encodeChange({ kind: "configure", slot: 0, spec: text, block })));
  expect(owners(slots, 0)).toEqual(["live 4", "beside 5"]);
});

test("settings that a shard has refused are taken back by the catalogue", () => {
  const slots = new Slots(new Map());
  create(slots, 0, "live");
  const text = JSON.stringify({ name: "live", version: 2, spec: { inputs: [{ name: "b" }] } });
  const block = new Float64Array(1);
  slots.apply(entry(Kind.CHANGE, encodeChange({ kind: "configure", slot: 0, spec: text, block })));
  names(slots, { name: "live", slot: 0, version: 1 });
  expect(owners(slots, 0)).toEqual(["live 1", undefined]);
  expect(slots.at(0)?.spec).toMatchObject({ inputs: [{ name: "a" }] });
});

test("one that does not know its inputs yet has no slot's state", () => {
  const slots = new Slots(new Map());
  const catalogue = { detectors: [{ name: "new", slot: 0, version: 1, spec: { ecod: {} } }] };
  slots.apply(entry(Kind.PROCESS, encodeProcessChange({ kind: "catalogue", catalogue })));
  expect(slots.at(0)).toBeUndefined();
});
