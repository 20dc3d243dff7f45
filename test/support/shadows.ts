import { normalizeSpec } from "../../src/config/detector-spec.ts";
import type { CoreOptions } from "../../src/core.ts";
import type { Shadows } from "../../src/shadow/shadows.ts";
import type { Versions } from "../../src/versions/versions.ts";
import { startCore } from "./core.ts";
import type { TestCore } from "./core.ts";

export interface ShadowRig {
  readonly core: TestCore;
  readonly shadows: Shadows;
  readonly versions: Versions;
}

/** A core, with its shadows and versions at hand. */
export async function startShadows(options: Partial<CoreOptions> = {}): Promise<ShadowRig> {
  const core = await startCore(options);
  const { shadows, versions } = core;
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
