import { describeSpec, type DetectorSpecJson } from "../config/describe-spec.ts";
import { describeStatus, type DetectorStatusJson } from "../control/describe-status.ts";
import type {
  ExplainedVerdict,
  Finding,
  ShadowReport,
  SnapshotInfo,
  StateReport,
  VersionInfo,
} from "../control/operations.ts";
import type { Registry } from "../control/registry.ts";
import type { Detector } from "../domain/detector.ts";
import { verdictJson } from "./verdict-json.ts";

// The messages of the admin service in their proto3 JSON mapping, which is also what proto-loader takes: 64-bit integers are decimal strings.

export interface DetectorJson {
  readonly name: string;
  readonly spec: DetectorSpecJson;
  readonly status: DetectorStatusJson;
}

export function detectorJson(detector: Detector, registry: Registry): DetectorJson {
  return {
    name: detector.name,
    spec: describeSpec(detector.config),
    status: describeStatus(registry.status(detector)),
  };
}

const durabilities = {
  acknowledged: "DURABILITY_ACKNOWLEDGED",
  relaxed: "DURABILITY_RELAXED",
  none: "DURABILITY_NONE",
} as const;

/** GetStateResponse. */
export function stateJson(state: StateReport) {
  return {
    durability: durabilities[state.durability],
    learning: state.learning,
    problem: state.problem,
    position: String(state.position),
    durablePosition: String(state.durablePosition),
    oldestPosition: String(state.oldestPosition),
    journalBytes: String(state.journalBytes),
    shards: state.shards,
    snapshots: state.snapshots.map(snapshotJson),
  };
}

export function snapshotJson(snapshot: SnapshotInfo) {
  return {
    position: String(snapshot.position),
    timeUnixMs: String(snapshot.timeUnixMs),
    stateBytes: String(snapshot.stateBytes),
    fileBytes: String(snapshot.fileBytes),
  };
}

/** VerifyStateResponse. */
export function findingJson({ what, sound, problem, progress }: Finding) {
  return { what, sound, problem, progress };
}

/** ExplainVerdictResponse. */
export function explainedJson(explained: ExplainedVerdict) {
  const { detector, eventId, answered } = explained;
  return {
    position: String(explained.position),
    row: explained.row,
    detector: detector.name,
    key: explained.key,
    timeUnixMs: String(explained.timeUnixMs),
    version: explained.version,
    answered: answered && verdictJson(answered, 0, eventId, detector),
    modelled: verdictJson(explained.modelled, 0, eventId, detector),
    arrivalUnixMs: String(explained.arrivalUnixMs),
  };
}

const versionStates = {
  learning: "VERSION_STATE_LEARNING",
  serving: "VERSION_STATE_SERVING",
  kept: "VERSION_STATE_KEPT",
} as const;

/** Version. */
export function versionJson(version: VersionInfo) {
  return {
    version: version.version,
    state: versionStates[version.state],
    spec: describeSpec(version.config),
    madeUnixMs: String(version.madeUnixMs),
    fromPosition: String(version.fromPosition),
    toPosition: String(version.toPosition),
    events: String(version.events),
    eventsUntilReady: String(version.eventsUntilReady),
    keptState: version.keptState,
    problem: version.problem,
  };
}

/** GetShadowReportResponse. */
export function shadowReportJson(report: ShadowReport) {
  return {
    name: report.name,
    shadowed: report.shadowed,
    share: report.share,
    rows: String(report.rows),
    rowsShed: String(report.rowsShed),
    rowsBehind: String(report.rowsBehind),
    rankCorrelation: report.rankCorrelation,
    bothAlert: String(report.bothAlert),
    onlyLiveAlerts: String(report.onlyLiveAlerts),
    onlyShadowAlerts: String(report.onlyShadowAlerts),
    populationStability: report.populationStability,
    liveScores: report.liveScores.map(String),
    shadowScores: report.shadowScores.map(String),
    liveRowUs: report.liveRowUs,
    shadowRowUs: report.shadowRowUs,
    answered: String(report.answered),
    sinceUnixMs: String(report.sinceUnixMs),
  };
}
