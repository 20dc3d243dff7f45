import { unknownDetector } from "../admission/admission.ts";
import { describeSpec } from "../config/describe-spec.ts";
import { makeDetector, withEncoding } from "../config/detector.ts";
import { limits } from "../config/limits.ts";
import type { Detector, DetectorConfig, RowEncoding } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { compareCodePoints } from "../shard/feature-order.ts";
import type { SlotSpec } from "../shard/journal.ts";
import { DETECTORS_MAX } from "../shard/layout.ts";
import type { Catalogue } from "../state/process-change.ts";
import { catalogueEntry } from "./catalogue.ts";

/** Which detectors there are, by name and by slot, and what is known of each beside its configuration. Nothing of it waits. */
export class DetectorTable {
  /** By slot: also those that nobody finds by a name. */
  readonly slots = new Map<number, Detector>();
  /** Weir's own, for as long as it warms up: never listed, never stored. */
  readonly temporary = new Set<string>();
  /** Of detectors that discovered their inputs: the configuration without them, which is what is stored, compared and reset to. */
  readonly declared = new WeakMap<Detector, DetectorConfig>();
  /** Rows of such detectors that came before their inputs were known and that no shard has counted. */
  readonly uncounted = new WeakMap<Detector, number>();
  private readonly byName = new Map<string, Detector>();
  /** Of the specification that each serves by, by name; absent = 1. */
  private readonly versions = new Map<string, number>();
  private readonly ruleFailed: (detector: Detector, text: string) => void;

  /** `ruleFailed` hears of rules that could not be evaluated. */
  constructor(ruleFailed: (detector: Detector, text: string) => void) {
    this.ruleFailed = ruleFailed;
  }

  find(name: string): Detector | undefined {
    return this.byName.get(name);
  }

  get(name: string): Detector {
    const detector = this.byName.get(name);
    if (detector === undefined) throw unknownDetector(name, [...this.byName.keys()]);
    return detector;
  }

  list(): readonly Detector[] {
    return [...this.byName.values()]
      .filter(({ name }) => !this.temporary.has(name))
      .toSorted((a, b) => compareCodePoints(a.name, b.name));
  }

  /** It is found by its name from now on. */
  show(detector: Detector): void {
    this.byName.set(detector.name, detector);
  }

  hide(detector: Detector): void {
    const { name } = detector;
    if (this.byName.get(name) !== detector) return;
    this.byName.delete(name);
    this.versions.delete(name);
  }

  versionOf(name: string): number {
    return this.versions.get(name) ?? 1;
  }

  setVersion(name: string, version: number): void {
    this.versions.set(name, version);
  }

  declaredOf(detector: Detector): DetectorConfig {
    return this.declared.get(detector) ?? detector.config;
  }

  uncountedOf(detector: Detector): number {
    return this.uncounted.get(detector) ?? 0;
  }

  /** RESOURCE_EXHAUSTED when there are as many detectors as fit. */
  freeSlot(name: string): number {
    const hasRoom = this.temporary.has(name) || this.list().length < limits.detectorsMax;
    const last = hasRoom ? DETECTORS_MAX : 0;
    for (let slot = 0; slot < last; slot++) if (!this.slots.has(slot)) return slot;
    throw new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "TOO_MANY_DETECTORS",
      `there are ${limits.detectorsMax} detectors, the limit; delete one first`,
    );
  }

  // oxlint-disable-next-line max-params -- what a detector is made of
  detectorOf(name: string, slot: number, config: DetectorConfig, encoding?: RowEncoding): Detector {
    const made = makeDetector(name, slot, config, (rule) => {
      this.ruleFailed(
        detector,
        `rule "${config.rules[rule]?.name}" could not be evaluated for a row and did not hold: an input that it uses was missing, or a value did not fit`,
      );
    });
    const detector = encoding === undefined ? made : withEncoding(made, encoding);
    return detector;
  }

  /** What the journal says of a slot, for its readers. */
  slotSpec(detector: Detector, version = this.versionOf(detector.name)): string {
    const { name, config, encoding } = detector;
    const spec: SlotSpec = {
      name,
      version,
      spec: describeSpec(config),
      ...(encoding === undefined ? {} : { encoded: encoding.columns }),
    };
    return JSON.stringify(spec);
  }

  /** `versionsOf` tells what is kept of a detector's versions and shadows. */
  catalogueOf(
    detectors: readonly Detector[],
    versionsOf: (detector: Detector) => unknown,
  ): Catalogue {
    return {
      detectors: detectors.map((detector) =>
        catalogueEntry(detector, this.declaredOf(detector), {
          version: this.versionOf(detector.name),
          uncounted: this.uncountedOf(detector),
          versions: versionsOf(detector),
        }),
      ),
    };
  }
}
