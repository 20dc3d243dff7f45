import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { systemClock } from "../../src/domain/clock.ts";
import { Shadows } from "../../src/shadow/shadows.ts";
import type { CoreOptions } from "../../src/core.ts";
import { Versions } from "../../src/versions/versions.ts";
import type { VersionStore } from "../../src/versions/version-store.ts";
import { startCore } from "./core.ts";
import type { TestCore } from "./core.ts";

export interface ShadowRig {
  readonly core: TestCore;
  readonly shadows: Shadows;
  readonly versions: Versions;
}

/** A core with shadows. */
export async function startShadows(
  options: Partial<CoreOptions> = {},
  storeOf: (core: TestCore) => VersionStore | undefined = () => undefined,
): Promise<ShadowRig> {
  const core = await startCore(options);
  const { detectors, admission, shards } = core;
  const shared = { workshop: detectors, admission, shards, clock: systemClock };
  const shadows = new Shadows({
    ...shared,
    promoted: (live, shadow) => versions.promoted(live, shadow),
  });
  const log = { info: () => undefined, error: () => undefined };
  const store = storeOf(core);
  const versions = new Versions({ ...shared, shadows, kept: 3, store, log });
  admission.showTo(shadows);
  detectors.standBeside(versions);
  return { core, shadows, versions };
}

/** Starts a shadow; cold and without a share unless said otherwise. */
export async function startShadow(
  { shadows }: ShadowRig,
  given: {
    readonly name: string;
    readonly shadowed: string;
    readonly spec: unknown;
    readonly copyState?: boolean;
    readonly share?: number;
  },
): Promise<void> {
  const { name, shadowed, spec, copyState = false, share = 0 } = given;
  await shadows.start({ name, shadowed, config: normalizeSpec(spec), copyState, share });
}
