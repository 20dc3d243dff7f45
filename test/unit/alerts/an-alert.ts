import type { Alert } from "../../../src/alerts/alerts.ts";

export function anAlert(changes: Partial<Alert> = {}): Alert {
  return {
    detector: "cards",
    key: "card-1",
    timeUnixMs: 1_700_000_000_123,
    eventId: "event-1",
    score: 0.97,
    rawScore: 0.97,
    threshold: 0.9,
    source: 1,
    state: 3,
    modelVersion: 1,
    rule: "",
    ...changes,
  };
}
