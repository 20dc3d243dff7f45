import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventInput } from "../../src/domain/event.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { isDiscovering } from "../../src/discovery/discovery.ts";
import { createDetector, event, request, submit } from "./core.ts";
import { eventually } from "./eventually.ts";
import { startVersions } from "./versions-rig.ts";
import type { VersionRig } from "./versions-rig.ts";

/** Every encoding at once. */
export const spec = {
  inputs: [
    { name: "amount" },
    { name: "merchant", type: "category", encoding: "label" },
    { name: "method", type: "category", encoding: "onehot" },
    { name: "city", type: "category", encoding: "frequency", missing: "model" },
    { name: "online", type: "category", encoding: "binary" },
  ],
  knn: {},
  window: { rows: 200, minSamples: 30, retrainInterval: 40 },
  timeoutMs: 30_000,
};
/** Trained once, at the 30th row: for rows that come faster than trainings end. */
export const trainedOnce = {
  ...spec,
  window: { rows: 200, minSamples: 30, retrainInterval: 1_000_000 },
};

/** Rows from `from` on, always the same; with `known` of merchants that there were in the first rows, too. */
export function payments(from: number, count: number, known = false): EventInput[] {
  return Array.from({ length: count }, (_, i) => {
    const at = from + i;
    const city = ["Oslo", "Rome", "Oslo", "Bonn", undefined][at % 5];
    // Less even as time goes on, so that shares move.
    const moved = at >= 60 && at % 3 > 0 ? "Lima" : city;
    return event({
      key: `k${at % 7}`,
      numbers: { amount: ((at * 7919) % 1009) / 1009 },
      categories: {
        merchant: `m${known ? at % 6 : Math.floor(at / 5)}`,
        method: ["card", "cash", "chip"][(at * at) % 3] ?? "",
        online: at % 2 === 0 ? "yes" : "no",
        ...(moved === undefined ? {} : { city: moved }),
      },
    });
  });
}

/** Distances, too: scores end at 1. */
export function said({ scores, rawScores }: Verdicts): readonly number[] {
  return [...scores, ...rawScores];
}

/** A data directory as a kill would leave it now. */
export function copyOf(data: string): string {
  const copy = mkdtempSync(join(tmpdir(), "weir-encoded-"));
  cpSync(data, copy, { recursive: true });
  return copy;
}

/** A server with a detector "live" that encodes, and its data directory. */
export class EncodedRig {
  rig: VersionRig;
  private readonly old: string[] = [];

  private constructor(rig: VersionRig) {
    this.rig = rig;
  }

  /** With a detector "live" that knows its columns and has its first model. */
  static async start(given: object = spec): Promise<EncodedRig> {
    const made = new EncodedRig(await startVersions());
    await createDetector(made.rig.core, "live", given);
    await made.learn(0, 40);
    await eventually(() => {
      if (isDiscovering(made.rig.core.detectors.get("live"))) throw new Error("not yet");
    });
    await made.settled();
    return made;
  }

  /** Over a directory that there is. */
  static async over(data: string): Promise<EncodedRig> {
    return new EncodedRig(await startVersions(data));
  }

  /** In requests of a few rows, each waited for, with what they make due. */
  async learn(from: number, count: number, detector = "live"): Promise<void> {
    for (let at = from; at < from + count; at += 4) {
      const events = payments(at, Math.min(4, from + count - at));
      // oxlint-disable-next-line no-await-in-loop -- one after the other, as a client does
      await submit(this.rig.core, request({ detector, events }));
      if (at % 20 === 0) await this.settled();
    }
  }

  /** What the detector says of rows that teach nothing: of merchants that came late among them. */
  async asked(detector = "live"): Promise<readonly number[]> {
    await this.settled();
    const { core } = this.rig;
    const events = [...payments(0, 120), ...payments(0, 30, true)];
    return said(await submit(core, request({ detector, events, mode: 2 })));
  }

  /** Nothing waits, for shadows neither, and what was due is trained. */
  async settled(): Promise<void> {
    const { core } = this.rig;
    await core.shards.idle();
    await eventually(() => {
      if (core.shadows.gauges().some(({ rowsBehind }) => rowsBehind > 0)) throw new Error("behind");
    });
    await core.shards.idle();
    await core.trainer.idle();
    await core.shards.idle();
  }

  /** A stop and a start over the same directory. */
  async restart(): Promise<void> {
    await this.rig.close();
    this.rig = await startVersions(this.rig.data);
  }

  /** A start over the directory as it is on disk now, as after a kill. */
  async kill(): Promise<void> {
    const { core, data } = this.rig;
    await this.settled();
    await eventually(() => {
      const journal = core.keeping?.journal;
      if (journal === undefined || journal.durable < journal.newest) throw new Error("not on disk");
    });
    const copy = copyOf(data);
    await this.rig.close();
    this.old.push(data);
    this.rig = await startVersions(copy);
  }

  async close(): Promise<void> {
    await this.rig.close();
    for (const data of [...this.old, this.rig.data]) rmSync(data, { recursive: true, force: true });
  }
}
