import { formatDuration } from "../config/duration.ts";
import type { EventInput, FrameInput, ScoreRequest } from "../domain/event.ts";
import { stageTimes } from "./stage-frame.ts";
import { stageTime } from "./stage-events.ts";
import type { Staged } from "./staged.ts";
import type { Violations } from "./violations.ts";

const only = "a heartbeat is for all keys of the detector and carries nothing but a time";

/** What a heartbeat's time is held against. */
interface Ahead {
  /** Unix ms. */
  readonly arrivalMs: number;
  readonly futureToleranceMs: number;
}

interface Target {
  readonly staged: Staged;
  readonly violations: Violations;
}

/**
 * Rows that carry a time and nothing else. A time beyond the tolerance is refused whatever the policy: a watermark never goes back, so one
 * wrong clock would make all events late until that time has come.
 */
export function stageHeartbeats(
  { events, frame }: ScoreRequest,
  ahead: Ahead,
  { staged, violations }: Target,
): void {
  staged.begin(frame?.rows ?? events.length, 1, 0, 0);
  staged.flags.fill(0, 0, staged.rows);
  staged.keyOf.fill(0, 0, staged.rows);
  staged.idLength.fill(0, 0, staged.rows);
  if (frame === undefined) {
    for (let row = 0; row < events.length && !violations.full; row++) {
      const event = events[row];
      if (event === undefined) continue;
      stageEvent(event, row, staged, violations);
      refuseAhead(event.timeUnixMs, `events[${row}].time_unix_ms`, ahead, violations);
    }
    return;
  }
  checkFrame(frame, violations);
  if (frame.timesUnixMs.length !== frame.rows * 8) return;
  stageTimes(frame, staged, violations);
  for (let row = 0; row < staged.rows && !violations.full; row++) {
    const time = staged.times[row] ?? 0;
    const field = `frame.times_unix_ms[${row}]`;
    if (time === 0) refuseTime(field, violations);
    refuseAhead(time, field, ahead, violations);
  }
}

function stageEvent(event: EventInput, row: number, staged: Staged, violations: Violations): void {
  const field = `events[${row}]`;
  if (event.timeUnixMs === 0) refuseTime(`${field}.time_unix_ms`, violations);
  stageTime(event.timeUnixMs, row, staged, violations);
  const given: readonly (readonly [name: string, is: boolean])[] = [
    ["id", event.id !== ""],
    ["key", event.key !== ""],
    ["numbers", event.numbers.size > 0],
    ["categories", event.categories.size > 0],
    ["values", event.values.length > 0],
    ["system_action", event.systemAction !== ""],
  ];
  for (const [name, is] of given) if (is) violations.add("WRONG_LENGTH", `${field}.${name}`, only);
}

function checkFrame(frame: FrameInput, violations: Violations): void {
  const { timesUnixMs, rows } = frame;
  if (timesUnixMs.length !== rows * 8) {
    const message = `has ${timesUnixMs.length} bytes; expected ${rows * 8}: a heartbeat needs its time`;
    violations.add("WRONG_LENGTH", "frame.times_unix_ms", message);
  }
  const given: readonly (readonly [name: string, length: number])[] = [
    ["values", frame.values.length],
    ["keys", frame.keys.length],
    ["key_index", frame.keyIndex.length],
    ["ids", frame.ids.length],
    ["categories", frame.categories.length],
    ["category_index", frame.categoryIndex.length],
    ["system_actions", frame.systemActions.length],
    ["system_action_index", frame.systemActionIndex.length],
  ];
  for (const [name, length] of given) {
    if (length > 0) violations.add("WRONG_LENGTH", `frame.${name}`, only);
  }
}

function refuseTime(field: string, violations: Violations): void {
  violations.add("TIME_OUT_OF_RANGE", field, "is missing, and a heartbeat needs its time");
}

// oxlint-disable-next-line max-params -- which time of which row, against what
function refuseAhead(
  time: number,
  field: string,
  { arrivalMs, futureToleranceMs }: Ahead,
  violations: Violations,
): void {
  // What is no time at all is told already.
  if (!Number.isSafeInteger(time) || time <= arrivalMs + futureToleranceMs) return;
  const by = formatDuration(Math.ceil((time - arrivalMs) / 1000) * 1000);
  violations.add(
    "TIME_OUT_OF_RANGE",
    field,
    `is ${by} after its arrival, more than future_tolerance, ${formatDuration(futureToleranceMs)}; expected a time that has come`,
  );
}
