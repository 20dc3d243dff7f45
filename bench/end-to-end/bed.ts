import type { Client } from "@grpc/grpc-js";
import type { Scale } from "../options.ts";
import { connect, createDetector, identity, scorePath } from "./channel.ts";
import { startControlTimer, type ControlTimer } from "./control-timer.ts";
import type { EchoAnswers } from "./echo.ts";
import { startEcho, startWeir, type ServerProcess } from "./server.ts";
import { openStream } from "./stream-lane.ts";
import {
  detectorSpec,
  eventsRequest,
  frameRequest,
  frameTemplates,
  makeRows,
  namedEvent,
  frameRows,
  type Templates,
} from "./workload.ts";

/** The detector that every lane scores with. */
export const detectorName = "bench";

/** Weir with a warm detector, the echo with Weir's own answers, and a timer to compare with. */
export interface Bed {
  readonly scale: Scale;
  readonly weir: ServerProcess;
  readonly echo: ServerProcess;
  readonly weirClient: Client;
  readonly echoClient: Client;
  readonly control: ControlTimer;
  readonly frames: Templates;
  /** Bytes of one answer as Weir encoded it. */
  readonly answerBytes: { readonly frame: number; readonly event: number };
  stop(): Promise<void>;
}

export async function makeBed(scale: Scale): Promise<Bed> {
  const weir = await startWeir();
  const weirClient = connect(weir.grpcPort);
  const frames = frameTemplates(detectorName, scale.keys);
  await createDetector(weirClient, detectorName, detectorSpec());
  await warm(weirClient, frames, scale);
  const answers = await sampleAnswers(weir, weirClient, scale.keys);
  const echo = await startEcho(answers);
  const echoClient = connect(echo.grpcPort);
  await warm(echoClient, frames, scale);
  const control = startControlTimer();
  return {
    scale,
    weir,
    echo,
    weirClient,
    echoClient,
    control,
    frames,
    answerBytes: {
      frame: Buffer.byteLength(answers.frame, "base64"),
      event: Buffer.byteLength(answers.event, "base64"),
    },
    async stop() {
      control.stop();
      weirClient.close();
      echoClient.close();
      await Promise.all([weir.stop(), echo.stop()]);
    },
  };
}

/** Passes over the frames until every key has learned its rows: nothing is measured of a key that is COLLECTING. */
export async function warm(client: Client, frames: Templates, scale: Scale): Promise<void> {
  const lane = openStream(client, frames);
  const requests = Math.ceil((scale.warmRowsPerKey * scale.keys) / frameRows);
  await sendAll(lane, requests, 8);
  await lane.close();
}

/** Sends `requests` requests, `inFlight` at a time; refused ones are not sent again. */
export function sendAll(
  lane: ReturnType<typeof openStream>,
  requests: number,
  inFlight: number,
): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0;
    let answered = 0;
    lane.onAnswer = () => {
      answered++;
      if (sent < requests) lane.send(sent++);
      else if (answered === requests) resolve();
    };
    while (sent < Math.min(inFlight, requests)) lane.send(sent++);
  });
}

/** Weir's own answers, so that the echo sends the same bytes back. */
async function sampleAnswers(
  weir: ServerProcess,
  client: Client,
  keyCount: number,
): Promise<EchoAnswers> {
  const rows = makeRows(Math.max(frameRows, keyCount), keyCount, 5);
  const frame = await rawScore(client, frameRequest(detectorName, rows, 0));
  const event = await rawScore(client, eventsRequest(detectorName, rows, { from: 0, count: 1 }));
  const json = await postScore(weir.httpPort, detectorName, { events: [namedEvent(rows, 0)] });
  return { frame: frame.toString("base64"), event: event.toString("base64"), json };
}

function rawScore(client: Client, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(scorePath, identity, identity, request, (error, bytes) => {
      if (error) reject(error);
      else resolve(bytes ?? Buffer.alloc(0));
    });
  });
}

/** Rejects unless the answer is 200. */
export async function postScore(port: number, detector: string, body: unknown): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/detectors/${detector}/score`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`HTTP score: status ${response.status}: ${text}`);
  return text;
}
