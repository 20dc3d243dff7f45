import type { Client } from "@grpc/grpc-js";
import { checksum } from "../statistics.ts";
import { call, createDetector, identity, isRecord, scoreStreamPath } from "./channel.ts";
import { postScore, type Bed } from "./bed.ts";
import {
  detectorSpec,
  eventsRequest,
  frameRequest,
  frameRows,
  makeRows,
  namedEvent,
  type Rows,
} from "./workload.ts";
import { decode, patchRequestId, requestIdFirst, streamRequest } from "./wire.ts";
import type { LaneName } from "../results.ts";

const checksumRows = 4096;
const checksumKeys = 8;

/**
 * Scores the same 4,096 rows of 8 keys through one lane on a detector of its own, and hashes the scores. No fallback can answer
 * (the budget is a minute), so the hash is the same on every lane, run and machine.
 */
export async function laneChecksum(bed: Bed, lane: LaneName): Promise<string> {
  const detector = `checksum-${lane}`;
  const rows = makeRows(checksumRows, checksumKeys, 9);
  await createDetector(bed.weirClient, detector, detectorSpec({ timeoutMs: 60_000 }));
  const scores = await laneScores(bed, { lane, detector, rows });
  await call(bed.weirClient, "DetectorService/DeleteDetector", { name: detector });
  return checksum([new Uint8Array(Float64Array.from(scores).buffer)]);
}

interface ChecksumRun {
  readonly lane: LaneName;
  readonly detector: string;
  readonly rows: Rows;
}

async function laneScores(bed: Bed, { lane, detector, rows }: ChecksumRun): Promise<number[]> {
  const ranges = (count: number): { from: number; count: number }[] =>
    Array.from({ length: rows.count / count }, (_, i) => ({ from: i * count, count }));
  if (lane === "frames") {
    const requests = ranges(frameRows).map(({ from }) => frameRequest(detector, rows, from));
    return streamScores(bed.weirClient, requests);
  }
  if (lane === "events") {
    const requests = ranges(1).map((range) => eventsRequest(detector, rows, range));
    return streamScores(bed.weirClient, requests);
  }
  const scores: number[] = [];
  for (const { from, count } of ranges(64)) {
    const events = Array.from({ length: count }, (_, i) => namedEvent(rows, from + i));
    const answer: unknown =
      lane === "unary"
        ? await call(bed.weirClient, "ScoringService/Score", { detector, events })
        : JSON.parse(await postScore(bed.weir.httpPort, detector, { events }));
    scores.push(...verdictScores(isRecord(answer) ? answer["verdicts"] : undefined));
  }
  return scores;
}

/** -1 where there is no score. */
function verdictScores(verdicts: unknown): number[] {
  if (!Array.isArray(verdicts)) return [];
  return verdicts.map((verdict: unknown) => {
    const score = isRecord(verdict) ? verdict["score"] : undefined;
    return typeof score === "number" ? score : -1;
  });
}

/** All requests on one stream, at most 64 in flight; scores in the order of the requests. */
function streamScores(client: Client, requests: readonly Buffer[]): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const answers: number[][] = [];
    let sent = 0;
    let received = 0;
    const stream = client.makeBidiStreamRequest(scoreStreamPath, identity, identity);
    const send = (): void => {
      const message = streamRequest(requests[sent] ?? Buffer.alloc(0));
      patchRequestId(message, requestIdFirst + sent++);
      stream.write(message);
    };
    stream.on("data", (bytes: Buffer) => {
      const answer = decode("ScoreStreamResponse", bytes);
      const response = answer["response"];
      if (!isRecord(response)) {
        stream.cancel();
        reject(new Error(`refused: ${JSON.stringify(answer["error"])}`));
        return;
      }
      answers[Number(answer["requestId"]) - requestIdFirst] = responseScores(response);
      received++;
      if (sent < requests.length) send();
      else if (received === requests.length) stream.end();
    });
    stream.on("error", reject);
    stream.on("end", () => resolve(answers.flat()));
    while (sent < Math.min(64, requests.length)) send();
  });
}

function responseScores(response: Record<string, unknown>): number[] {
  const frame = response["frame"];
  if (!isRecord(frame)) return verdictScores(response["verdicts"]);
  const bytes = frame["scores"];
  if (!(bytes instanceof Uint8Array)) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / 8 }, (_, i) => {
    const score = view.getFloat64(i * 8, true);
    return Number.isNaN(score) ? -1 : score;
  });
}
