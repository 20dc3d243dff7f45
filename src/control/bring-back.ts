import type { Admission } from "../admission/admission.ts";
import { withEncoding } from "../config/detector.ts";
import { isDiscovering, type Discovery } from "../discovery/discovery.ts";
import { CategoryEncoding } from "../discovery/row-encoding.ts";
import type { Detector } from "../domain/detector.ts";
import { DETECTORS_MAX } from "../shard/layout.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { CatalogueEntry } from "../state/process-change.ts";
import { configsOf } from "./catalogue.ts";
import type { Recovered } from "./catalogue.ts";
import { detectorBlock } from "./detector-block.ts";
import type { DetectorTable } from "./detector-table.ts";
import { hiddenIn, keptVersions } from "./neighbours.ts";

export interface BringBackOptions {
  readonly table: DetectorTable;
  readonly shards: ShardSet;
  readonly admission: Pick<Admission, "runtimeOf"> | undefined;
  readonly discovery: Pick<Discovery, "restore" | "resume"> | undefined;
}

/** What was kept of versions and shadows before a restart, by name, and the versions that were still learning then. */
export interface BroughtBack {
  readonly versions: ReadonlyMap<string, unknown>;
  readonly learning: ReadonlyMap<string, Detector>;
}

/** Makes the detectors whose state the shards have already; what is left of others in the shards goes. */
export async function bringBack(
  recovered: Recovered,
  options: BringBackOptions,
): Promise<BroughtBack> {
  const { table, shards } = options;
  const versions = new Map<string, unknown>();
  const learning = new Map<string, Detector>();
  const encodings = new Encodings(recovered);
  for (const entry of recovered.catalogue?.detectors ?? []) {
    const { name } = entry;
    bringBackOne(entry, { recovered, encodings }, options);
    if (entry.versions === undefined) continue;
    versions.set(name, entry.versions);
    const hidden = hiddenIn(entry.versions, name);
    if (hidden === undefined) continue;
    const plain = table.detectorOf(name, hidden.slot, hidden.config);
    const detector = encodings.encoded(plain, name);
    // It was being given up.
    if (isDiscovering(detector)) continue;
    know(detector, options, hidden.version);
    learning.set(name, detector);
  }
  await clearOthers(options);
  await shards.windowModels.dropTaken();
  return { versions, learning };
}

/** Slots that a crash left half made; and discoveries that it cut off go on. */
async function clearOthers({ table, shards, discovery }: BringBackOptions): Promise<void> {
  for (let slot = 0; slot < DETECTORS_MAX; slot++) {
    const detector = table.slots.get(slot);
    const discovers = detector !== undefined && isDiscovering(detector);
    const wanted = detector !== undefined && !discovers;
    // oxlint-disable-next-line no-await-in-loop -- rare
    if (shards.holds(slot) && !wanted) await shards.changes.deleteDetector(slot);
    if (discovers) discovery?.resume(detector);
  }
}

function bringBackOne(
  entry: CatalogueEntry,
  { recovered, encodings }: { readonly recovered: Recovered; readonly encodings: Encodings },
  options: BringBackOptions,
): void {
  const { table, discovery } = options;
  const { name, slot, discovered } = entry;
  const { declared, config } = configsOf(entry);
  const plain = table.detectorOf(name, slot, config);
  const { shadowOf = name } = keptVersions(entry.versions);
  const detector = discovered === undefined ? plain : encodings.encoded(plain, shadowOf);
  table.setVersion(name, entry.version);
  if (discovered !== undefined) table.declared.set(detector, declared);
  table.uncounted.set(detector, entry.uncounted ?? 0);
  table.show(detector);
  if (!isDiscovering(detector)) {
    know(detector, options);
    return;
  }
  table.slots.set(slot, detector);
  const rows = recovered.kept.get(slot);
  if (rows !== undefined) discovery?.restore(detector, rows.rows, rows.total);
}

/** What encodings had learned. */
class Encodings {
  private readonly recovered: Recovered;
  /** By whose rows they see, and by what they know. */
  private readonly made = new Map<string, CategoryEncoding>();

  constructor(recovered: Recovered) {
    this.recovered = recovered;
  }

  /** The detector with its encoding, if it has one: those that see the same rows and know the same share one. */
  encoded(plain: Detector, live: string): Detector {
    const encodes = plain.categoryInputs.some(({ encoding }) => encoding !== undefined);
    const state = encodes ? this.recovered.encodings.get(plain.slot) : undefined;
    if (state === undefined) return plain;
    const known = JSON.stringify([live, state]);
    const encoding = this.made.get(known) ?? CategoryEncoding.restore(plain, state);
    this.made.set(known, encoding);
    encoding.join(plain.slot);
    return withEncoding(plain, encoding);
  }
}

/** Its state is there: shards and admission learn whose it is. */
function know(
  detector: Detector,
  { table, shards, admission }: BringBackOptions,
  version?: number,
): void {
  const { slot } = detector;
  table.slots.set(slot, detector);
  shards.changes.know(slot, detectorBlock(detector), table.slotSpec(detector, version));
  admission?.runtimeOf(detector).recall(shards.recall(slot));
}
