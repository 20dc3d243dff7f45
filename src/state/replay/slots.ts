import { describeSpec } from "../../config/describe-spec.ts";
import { configsOf } from "../../control/catalogue.ts";
import { hiddenIn, keptVersions } from "../../control/neighbours.ts";
import { Encoder } from "../../encode/encoder.ts";
import type { Position, SlotSpec } from "../../shard/journal.ts";
import { decodeChange, decodeProcessChange, Kind } from "../journal/entry.ts";
import type { Entry } from "../journal/entry.ts";
import type { Catalogue, CatalogueEntry } from "../process-change.ts";
import type { ProcessState } from "../process-state.ts";

/** What a slot holds, and for whom rows were in it. */
export interface HeldSlot {
  /** By the name, and with the version, that the catalogue gives it. */
  readonly spec: SlotSpec;
  /** The detector that it shadows; undefined = it is no shadow. */
  readonly shadowOf: string | undefined;
  /** Of rows that clients had sent to a detector: after a promotion some come for the slot that was its own until then. */
  readonly live: SlotSpec;
  /**
   * Of rows that were fed aside: the shadow, of which some come, too, after it was promoted; undefined = they were a version's that learned beside the
   * one that answered: nobody's.
   */
  readonly aside: SlotSpec | undefined;
  /** The detector that those were sent to; undefined = as for `aside`. */
  readonly asideOf: string | undefined;
}

/**
 * What every slot of the shards holds, as the journal tells it: specifications by the changes of the shards, names and versions by the catalogue
 * before a position, since a detector's name moves to another slot when a shadow is promoted or a version takes over.
 */
export class Slots {
  private readonly held: (HeldSlot | undefined)[] = [];
  /** As they were written; all shards have the same changes. */
  private readonly texts: (string | undefined)[] = [];

  constructor(known: ReadonlyMap<number, HeldSlot>) {
    for (const [slot, each] of known) this.held[slot] = each;
  }

  /** What a slot holds; undefined = no detector. */
  at(slot: number): SlotSpec | undefined {
    return this.held[slot]?.spec;
  }

  /** Whose a row of a slot is; undefined = nobody's. */
  owner(slot: number, isAside: boolean): SlotSpec | undefined {
    const held = this.held[slot];
    return isAside ? held?.aside : held?.live;
  }

  /** The detector that a row of a slot was sent to, by name; undefined = nobody's. */
  asked(slot: number, isAside: boolean): string | undefined {
    const held = this.held[slot];
    return isAside ? held?.asideOf : held?.live.name;
  }

  /** CHANGE entries that a shard did not refuse, and PROCESS entries; others change nothing. */
  apply(entry: Entry): void {
    if (entry.kind === Kind.CHANGE) this.change(entry);
    else if (isCatalogue(entry)) {
      const change = decodeProcessChange(entry.body);
      if (change.kind === "catalogue") this.name(change.catalogue);
    }
  }

  private change({ body, position }: Entry): void {
    const change = decodeChange(body);
    if (change.kind === "create" || change.kind === "configure") {
      const { slot, spec: text } = change;
      if (this.texts[slot] === text) return;
      this.texts[slot] = text;
      const spec = readSpec(text, position);
      const before = change.kind === "configure" ? this.held[slot] : undefined;
      this.held[slot] = spec === undefined ? undefined : renewed(before, spec);
    } else if (change.kind === "delete") {
      this.held[change.slot] = undefined;
      this.texts[change.slot] = undefined;
    }
  }

  private name({ detectors }: Catalogue): void {
    for (const entry of detectors) {
      const before = this.held[entry.slot];
      // Those that do not know their inputs yet have no state in the shards.
      if (before === undefined && entry.discovered === undefined && hasNoInputs(entry)) continue;
      const spec = named(before?.spec, entry);
      const { shadowOf } = keptVersions(entry.versions);
      if (spec === before?.spec && shadowOf === before.shadowOf) continue;
      this.held[entry.slot] = heldAs(spec, shadowOf, before);
    }
  }
}

/** What the shards' slots hold, by what the server kept of its detectors. Those whose inputs are not known yet have none. */
export function slotsOf(state: ProcessState): ReadonlyMap<number, HeldSlot> {
  const slots = new Map<number, HeldSlot>();
  for (const entry of state.catalogue.detectors) {
    const { name, slot, versions } = entry;
    const spec =
      entry.discovered === undefined ? plainSpec(entry) : encodedBy(state, slot, plainSpec(entry));
    slots.set(slot, heldAs(spec, keptVersions(versions).shadowOf, undefined));
    const hidden = hiddenIn(versions, name);
    if (hidden === undefined) continue;
    const { config, version } = hidden;
    const beside = { name, version, spec: describeSpec(config) };
    const encodes = config.inputs.some(({ encoding }) => encoding !== undefined);
    const learning = encodes ? encodedBy(state, hidden.slot, beside) : beside;
    slots.set(hidden.slot, heldAs(learning, undefined, undefined));
  }
  return slots;
}

/** With the columns of its encoding, if it has one. */
function encodedBy(state: ProcessState, slot: number, spec: SlotSpec): SlotSpec {
  const learned = state.encoding(slot);
  return learned === undefined ? spec : { ...spec, encoded: Encoder.restore(learned).columns };
}

/** Whether an entry holds one, without reading it: of a detector that encodes there are many others. */
export function isCatalogue({ body, kind }: Entry): boolean {
  if (kind !== Kind.PROCESS) return false;
  return catalogueHead.every((byte, at) => body[at] === byte);
}

// As `encodeProcessChange` writes it.
const catalogueHead = Buffer.from('{"kind":"catalogue"');

function heldAs(
  spec: SlotSpec,
  shadowOf: string | undefined,
  before: HeldSlot | undefined,
): HeldSlot {
  if (shadowOf === undefined) {
    return { spec, shadowOf, live: spec, aside: before?.aside, asideOf: before?.asideOf };
  }
  // It was the live one's own until now, or a promotion is not in the catalogue yet.
  const live = before?.live.name === shadowOf ? before.live : { ...spec, name: shadowOf };
  return { spec, shadowOf, live, aside: spec, asideOf: shadowOf };
}

/** A configured slot keeps its name and its part. */
function renewed(before: HeldSlot | undefined, written: SlotSpec): HeldSlot {
  if (before === undefined) return heldAs(written, undefined, undefined);
  const spec = { ...written, name: before.spec.name };
  return heldAs(spec, before.shadowOf, before);
}

/** Where the catalogue has another version it has its specification, too: a shard may have refused the newest one. */
function named(held: SlotSpec | undefined, entry: CatalogueEntry): SlotSpec {
  if (held?.name === entry.name && held.version === entry.version) return held;
  const spec = plainSpec(entry);
  return held?.encoded === undefined ? spec : { ...spec, encoded: held.encoded };
}

function plainSpec(entry: CatalogueEntry): SlotSpec {
  const { name, version } = entry;
  const spec: unknown = describeSpec(configsOf(entry).config);
  return { name, version, spec };
}

function hasNoInputs(entry: CatalogueEntry): boolean {
  return configsOf(entry).config.inputs.length === 0;
}

function readSpec(text: string, position: Position): SlotSpec | undefined {
  if (text === "") return undefined;
  const spec: unknown = JSON.parse(text);
  if (isSlotSpec(spec)) return spec;
  throw new Error(`entry ${position} of the journal: its detector's specification is none`);
}

function isSlotSpec(value: unknown): value is SlotSpec {
  return typeof value === "object" && value !== null && "name" in value && "spec" in value;
}
