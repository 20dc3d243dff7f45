import type { Logger } from "pino";
import type { Scorer } from "../../admission/scorer.ts";
import type { Alerts } from "../../alerts/alerts.ts";
import type { Buffers } from "../../buffers/buffers.ts";
import type { FeatureFrames } from "../../buffers/features.ts";
import type { BoundedOperations } from "../../control/bounded-operations.ts";
import type { Registry } from "../../control/registry.ts";
import type { Clock } from "../../domain/clock.ts";
import type { FittedModels } from "../../fitted/fitted-models.ts";
import type { FeatureReader } from "../../serving/features.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { StreamingParts } from "./llamafarm/stream-detectors.ts";

/** What this transport translates to. */
export interface HttpParts {
  readonly scorer: Scorer;
  readonly features: FeatureReader;
  readonly registry: Registry;
  readonly alerts: Alerts;
  /** Undefined = there is nothing under /v1/admin. */
  readonly operations?: BoundedOperations | undefined;
  readonly telemetry: Pick<Telemetry, "refused">;
  /** What Prometheus scrapes. */
  readonly metricsText: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** A JSON-able object: the last minute. */
  readonly stats: () => unknown;
  /** Whether events teach; absent = they always do. */
  readonly learning?: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Undefined = there are no buffers of rows here. */
  readonly rowBuffers?: { readonly buffers: Buffers; readonly frames: FeatureFrames };
  /** Undefined = there are no streaming detectors here. */
  readonly streaming?: StreamingParts;
  /** Undefined = there are no fitted models here. */
  readonly fitted?: FittedModels;
}

/** The bounds that this transport keeps; the fields of `limits` by the same names. */
export interface HttpLimits {
  readonly messageBytesMax: number;
  readonly httpConnectionsMax: number;
  readonly httpHeaderBytesMax: number;
  readonly httpRequestTimeoutMs: number;
}
