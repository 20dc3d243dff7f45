/* The counters of a detector on their way to another memory: whole numbers of 0 and more, and a time. */
import { WHOLE_MAX } from "../control-block";
import { Slot } from "../layout";

@unmanaged
export class EndPiece {
  eventsLearned: f64; // 0
  anomalies: f64;
  keysEvicted: f64; // 16
  keysExpired: f64;
  keysInDoubt: f64; // 32
  rowsRefused: f64;
  trainings: f64; // 48
  trainingsFailed: f64;
  trainingsWithoutMemory: f64; // 64
  windowsWithoutMemory: f64;
  rowsLate: f64; // 80
  rowsFuture: f64;
  heartbeatMs: f64; // 96
}

const COUNTERS: u32 = offsetof<EndPiece>("heartbeatMs");

export function readCounters(to: EndPiece, place: Slot): void {
  to.eventsLearned = place.eventsLearned;
  to.anomalies = place.anomalies;
  to.keysEvicted = place.keysEvicted;
  to.keysExpired = place.keysExpired;
  to.keysInDoubt = place.keysInDoubt;
  to.rowsRefused = place.rowsRefused;
  to.trainings = place.trainings;
  to.trainingsFailed = place.trainingsFailed;
  to.trainingsWithoutMemory = place.trainingsWithoutMemory;
  to.windowsWithoutMemory = place.windowsWithoutMemory;
  to.rowsLate = place.rowsLate;
  to.rowsFuture = place.rowsFuture;
  to.heartbeatMs = place.heartbeatMs;
}

export function areCountersSound(from: EndPiece): bool {
  for (let at: u32 = 0; at < COUNTERS; at += 8) {
    const count = load<f64>(changetype<u32>(from) + at);
    if (!(count >= 0 && count <= WHOLE_MAX) || Math.floor(count) != count) return false;
  }
  const heartbeat = from.heartbeatMs;
  return heartbeat == -Infinity || Math.abs(heartbeat) <= WHOLE_MAX;
}

export function writeCounters(from: EndPiece, place: Slot): void {
  place.eventsLearned = from.eventsLearned;
  place.anomalies = from.anomalies;
  place.keysEvicted = from.keysEvicted;
  place.keysExpired = from.keysExpired;
  place.keysInDoubt = from.keysInDoubt;
  place.rowsRefused = from.rowsRefused;
  place.trainings = from.trainings;
  place.trainingsFailed = from.trainingsFailed;
  place.trainingsWithoutMemory = from.trainingsWithoutMemory;
  place.windowsWithoutMemory = from.windowsWithoutMemory;
  place.rowsLate = from.rowsLate;
  place.rowsFuture = from.rowsFuture;
  place.heartbeatMs = from.heartbeatMs;
}
