import { detectorName, normalizeSpec } from "../../config/detector-spec.ts";
import type { Operations } from "../../control/operations.ts";
import type { Detector } from "../../domain/detector.ts";
import {
  detectorJson,
  explainedJson,
  findingJson,
  shadowReportJson,
  snapshotJson,
  stateJson,
  versionJson,
} from "../admin-messages.ts";
import { directoryOf, shareOf, verdictQuery } from "../admin-requests.ts";
import { chunkReader, sendStream, type StreamingHost } from "./admin-streams.ts";
import type { BackUpRequest__Output } from "./generated/weir/v1/BackUpRequest.ts";
import type { ExplainVerdictRequest__Output } from "./generated/weir/v1/ExplainVerdictRequest.ts";
import type { RollbackDetectorRequest__Output } from "./generated/weir/v1/RollbackDetectorRequest.ts";
import type { SetShadowShareRequest__Output } from "./generated/weir/v1/SetShadowShareRequest.ts";
import type { StartShadowRequest__Output } from "./generated/weir/v1/StartShadowRequest.ts";
import type { UpdateDetectorRequest__Output } from "./generated/weir/v1/UpdateDetectorRequest.ts";
import type { VerifyStateRequest__Output } from "./generated/weir/v1/VerifyStateRequest.ts";
import { unary } from "./unary.ts";

interface Named {
  readonly name?: string;
}

/** The handlers of AdminService. */
export function adminHandlers(host: StreamingHost, operations: Operations) {
  return {
    ...stateHandlers(host, operations),
    ...moveHandlers(host, operations),
    ...versionHandlers(host, operations),
    ...shadowHandlers(host, operations),
  };
}

function stateHandlers(host: StreamingHost, operations: Operations) {
  return {
    GetState: unary(host, async () => stateJson(await operations.state())),
    CreateSnapshot: unary(host, async () => ({
      snapshot: snapshotJson(await operations.createSnapshot()),
    })),
    ListSnapshots: unary(host, async () => ({
      snapshots: (await operations.listSnapshots()).map(snapshotJson),
    })),
    BackUp: unary(host, async ({ directory, journal }: BackUpRequest__Output) => ({
      snapshot: snapshotJson(
        await operations.backUp(directoryOf(directory ?? ""), journal === true),
      ),
    })),
    VerifyState: sendStream(
      host,
      ({ deep }: VerifyStateRequest__Output) => operations.verify(deep === true),
      findingJson,
    ),
    ExplainVerdict: unary(host, async (request: ExplainVerdictRequest__Output) =>
      explainedJson(await operations.explainVerdict(verdictQuery(request))),
    ),
  };
}

function moveHandlers(host: StreamingHost, operations: Operations) {
  return {
    ExportDetector: sendStream(
      host,
      ({ name }: Named) => operations.exportDetector(name ?? ""),
      (chunk) => ({ chunk }),
    ),
    ImportDetector: chunkReader(host, async (written, chunks) => {
      const name = written === "" ? "" : detectorName(written);
      return one(host, await operations.importDetector(name, chunks));
    }),
  };
}

function versionHandlers(host: StreamingHost, operations: Operations) {
  return {
    UpdateDetector: unary(host, async ({ name, spec }: UpdateDetectorRequest__Output) => ({
      version: versionJson(
        await operations.updateDetector(name ?? "", normalizeSpec(spec ?? {}, "spec")),
      ),
    })),
    ListVersions: unary(host, async ({ name }: Named) => ({
      versions: (await operations.versions(name ?? "")).map(versionJson),
    })),
    RollbackDetector: unary(host, async (request: RollbackDetectorRequest__Output) => {
      const { name = "", version = 0, replay = false } = request;
      return { version: versionJson(await operations.rollback(name, version, replay)) };
    }),
  };
}

function shadowHandlers(host: StreamingHost, operations: Operations) {
  return {
    StartShadow: unary(host, async (request: StartShadowRequest__Output) => {
      const { shadowed = "", copyState = false, share = 0 } = request;
      const shadow = await operations.startShadow({
        name: detectorName(request.name ?? ""),
        shadowed,
        config: normalizeSpec(request.spec ?? {}, "spec"),
        copyState,
        share: shareOf(share),
      });
      return one(host, shadow);
    }),
    SetShadowShare: unary(host, async ({ name, share }: SetShadowShareRequest__Output) => {
      await operations.setShadowShare(name ?? "", shareOf(share ?? 0));
      return {};
    }),
    GetShadowReport: unary(host, async ({ name }: Named) =>
      shadowReportJson(await operations.shadowReport(name ?? "")),
    ),
    PromoteShadow: unary(host, async ({ name }: Named) =>
      one(host, await operations.promoteShadow(name ?? "")),
    ),
    StopShadow: unary(host, async ({ name }: Named) => {
      await operations.stopShadow(name ?? "");
      return {};
    }),
  };
}

function one(host: StreamingHost, detector: Detector) {
  return { detector: detectorJson(detector, host.parts.registry) };
}
