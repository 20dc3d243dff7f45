import { Mode } from "../domain/event.ts";
import type { Admitted } from "./beside.ts";
import type { DetectorRuntime } from "./runtime.ts";
import { stageEvents } from "./stage-events.ts";
import { stageFrame } from "./stage-frame.ts";
import { stageHeartbeats } from "./stage-heartbeats.ts";
import type { Staged } from "./staged.ts";
import { Violations } from "./violations.ts";

/** Stages a request's rows for a detector; throws everything that is wrong with them. */
export function stageAgain(
  runtime: DetectorRuntime,
  { request, mode, arrivalMs }: Pick<Admitted, "request" | "mode" | "arrivalMs">,
  staged: Staged,
): void {
  const violations = new Violations();
  const { frame, events } = request;
  const { futureToleranceMs } = runtime.detector.config.eventTime;
  if (mode === Mode.HEARTBEAT) {
    stageHeartbeats(request, { arrivalMs, futureToleranceMs }, { staged, violations });
  } else if (frame === undefined) {
    stageEvents(runtime, events, staged, violations);
  } else {
    stageFrame(runtime, frame, staged, violations);
  }
  violations.throwIfAny();
}
