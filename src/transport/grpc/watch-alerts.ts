import { Metadata, type ServerWritableStream } from "@grpc/grpc-js";
import type { Alert, Watcher } from "../../alerts/alerts.ts";
import { Malformed } from "./definitions.ts";
import type { WatchAlertsRequest__Output } from "./generated/weir/v1/WatchAlertsRequest.ts";
import type { WatchAlertsResponse } from "./generated/weir/v1/WatchAlertsResponse.ts";
import type { OpenCalls } from "./open-calls.ts";
import { drainingError, toWeirError, type GrpcLimits, type GrpcParts } from "./parts.ts";
import { toStatus } from "./status.ts";

/** What all watchers of a server share. */
export interface WatchHost {
  readonly parts: GrpcParts;
  readonly limits: GrpcLimits;
  readonly calls: OpenCalls;
  /** What ends each open watch with OK. */
  readonly watches: Set<() => void>;
  readonly draining: boolean;
}

type WatchCall = ServerWritableStream<WatchAlertsRequest__Output | Malformed, WatchAlertsResponse>;

/**
 * The handler of WatchAlerts. A watcher's queue is bounded and drops its oldest; here an alert leaves it only when the client's HTTP/2
 * window has room, so what a slow reader misses is counted there and nothing piles up behind the call.
 */
export function watchAlertsHandler(host: WatchHost) {
  const { parts, watches } = host;
  return (call: WatchCall): void => {
    let watcher: Watcher | undefined;
    let blocked = false;
    const pump = (): void => {
      while (!blocked) {
        const next = watcher?.take();
        if (next === undefined) return;
        blocked = !call.write(toMessage(next.alert, next.lost));
      }
    };
    const stop = (): void => {
      watcher?.close();
      watcher = undefined;
      watches.delete(end);
    };
    const end = (): void => {
      stop();
      call.end();
    };
    try {
      if (host.draining) throw drainingError();
      if (call.request instanceof Malformed) throw call.request.error;
      watcher = parts.alerts.watch(call.request.detectors ?? [], pump);
    } catch (thrown) {
      const error = toWeirError(thrown, parts);
      parts.telemetry.refused("grpc_stream", error.reason);
      call.emit("error", toStatus(error));
      return;
    }
    watches.add(end);
    call.on("drain", () => {
      blocked = false;
      pump();
    });
    call.on("cancelled", stop);
    // The client learns that it watches before the first alert.
    call.sendMetadata(new Metadata());
    pump();
  };
}

function toMessage(alert: Alert, lost: number): WatchAlertsResponse {
  return {
    detector: alert.detector,
    key: alert.key,
    timeUnixMs: alert.timeUnixMs,
    lost,
    verdict: {
      eventId: alert.eventId,
      score: alert.score,
      anomaly: true,
      source: alert.source,
      state: alert.state,
      rawScore: alert.rawScore,
      modelVersion: alert.modelVersion,
      rule: alert.rule,
      threshold: alert.threshold,
    },
  };
}
