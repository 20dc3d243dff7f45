import { differingFields } from "../control/differences.ts";
import type { Workshop } from "../control/workshop.ts";
import type { DetectorConfig } from "../domain/detector.ts";
import { WeirError } from "../domain/errors.ts";
import type { Reason } from "../domain/errors.ts";
import type { Versions } from "./versions.ts";

interface Redeclaring {
  readonly detectors: Workshop;
  readonly versions: Pick<Versions, "update" | "dependents" | "noteDeclared">;
}

/** Told what became of it. */
export interface RedeclareLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

/** Rows for the new specification would not fit the old one, or nothing was learned yet. */
const BEGINS_ANEW: ReadonlySet<Reason> = new Set<Reason>(["INVALID_SPEC", "INPUTS_UNKNOWN"]);

/**
 * The configuration declares a detector otherwise than at the start before: that is an update, as `weir update` makes it. Where an update cannot be, because
 * the inputs are others, it begins anew; where it cannot be now, the detector stays as it is, and the next start tries again.
 */
export async function redeclare(
  { detectors, versions }: Redeclaring,
  { name, config }: { readonly name: string; readonly config: DetectorConfig },
  log: RedeclareLog,
): Promise<void> {
  const known = detectors.get(name);
  const { events } = detectors.status(known);
  const fields = { detector: name, differs: differingFields(known.config, config) };
  try {
    const { version, state } = await versions.update(name, config);
    const how =
      state === "learning"
        ? "it learns beside the one before, which answers until it is ready"
        : "it goes on with what it had learned";
    log.info({ ...fields, version }, `the configuration declares this detector anew: ${how}`);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    const why = error.message;
    if (!BEGINS_ANEW.has(error.reason)) {
      log.warn(
        { ...fields, why },
        "the configuration declares this detector differently: it stays as it was",
      );
      return;
    }
    log.warn(
      { ...fields, events, why },
      "the configuration declares this detector so differently that it begins anew: what it had learned is gone",
    );
    await detectors.change(async () => {
      const gone = [...versions.dependents(known), known];
      for (const each of gone) detectors.hide(each);
      for (const each of gone) await detectors.unmake(each);
      detectors.show(await detectors.make(name, config));
    });
  }
  await detectors.change(async () => {
    versions.noteDeclared(detectors.get(name), config);
    await detectors.save();
  });
}
