import { credentials, makeClientConstructor } from "@grpc/grpc-js";
import type { ClientDuplexStream, ServiceClientConstructor } from "@grpc/grpc-js";
import type { Scorer } from "./admission/scorer.ts";
import { normalizeSpec } from "./config/detector-spec.ts";
import type { Limits } from "./config/limits.ts";
import type { Core } from "./core.ts";
import { loadContract } from "./transport/grpc/definitions.ts";
import { createGrpcServer } from "./transport/grpc/server.ts";
import type { GrpcParts } from "./transport/grpc/server.ts";

/** A name that no client can send: control characters are refused. */
const NAME = "\u0000warm-up";

const INPUTS = 10;
const KEYS = 64;
const FRAME_ROWS = 256;

const spec = {
  inputs: Array.from({ length: INPUTS }, (_, i) => ({ name: `f${i}` })),
  scaler: "SCALER_STANDARD",
  halfSpaceTrees: { window: 50 },
  // More than a key gets here: synthetic rows must never become alerts, which a webhook would post to a person.
  burnInEvents: 1_000_000,
  timeoutMs: 10_000,
};

/**
 * How much is sent through before Weir serves: enough for V8 to optimise the code on an event's way, on the calling thread and in
 * the pool (`bench/` compares the first requests with the steady state; raise these when they differ).
 */
const ROUNDS = [
  { requests: 400, inFlight: 8, make: frameRequest },
  { requests: 6000, inFlight: 64, make: eventRequest },
  { requests: 1500, inFlight: 1, make: eventRequest },
] as const;

/** What the transport's server is given, so that the same code is warmed that will serve. */
export interface WarmUpTarget {
  readonly core: Core;
  readonly parts: GrpcParts;
  readonly limits: Limits;
}

/** Sends synthetic requests through a real gRPC stream of a private server, through admission and every shard, then forgets them. */
export async function warmUp({ core, parts, limits }: WarmUpTarget): Promise<void> {
  const scorer: Scorer = {
    submit: (request, call, reply) =>
      core.admission.submit(request, { ...call, internal: true }, reply),
    get inFlight() {
      return core.admission.inFlight;
    },
  };
  const server = createGrpcServer(
    {
      address: "127.0.0.1:0",
      tls: undefined,
      keepalive: { timeMs: 60_000, timeoutMs: 20_000 },
      limits,
    },
    { ...parts, scorer },
  );
  const { port } = await server.listen();
  try {
    await core.detectors.withTemporary(NAME, normalizeSpec(spec), () => sendAll(port));
  } finally {
    server.close();
  }
}

async function sendAll(port: number): Promise<void> {
  const service = loadContract()["weir.v1.ScoringService"];
  if (service === undefined || "format" in service) throw new Error("no ScoringService");
  const ScoringClient: ServiceClientConstructor = makeClientConstructor(service, "ScoringService");
  const client = new ScoringClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = service["ScoreStream"] ?? missing();
  try {
    for (const round of ROUNDS) {
      await sendRound(
        client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize),
        round,
      );
    }
  } finally {
    client.close();
  }
}

function missing(): never {
  throw new Error("no ScoreStream");
}

function sendRound(
  stream: ClientDuplexStream<object, object>,
  round: (typeof ROUNDS)[number],
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    const send = (): void => {
      sent++;
      stream.write({ requestId: sent, request: round.make(sent) });
    };
    stream.on("data", () => {
      answered++;
      if (sent < round.requests) send();
      else if (answered === round.requests) stream.end();
    });
    stream.on("end", resolve);
    stream.on("error", reject);
    for (let i = 0; i < round.inFlight; i++) send();
  });
}

/** Deterministic, of the size of standardised data; its distribution does not matter here. */
function valueOf(seed: number): number {
  return Math.sin(seed * 12.9898) * 2;
}

function eventRequest(seed: number): object {
  const numbers = Object.fromEntries(
    Array.from({ length: INPUTS }, (_, i) => [`f${i}`, valueOf(seed * INPUTS + i)]),
  );
  return { detector: NAME, events: [{ key: `k${seed % KEYS}`, numbers }] };
}

function frameRequest(seed: number): object {
  const values = Float64Array.from({ length: FRAME_ROWS * INPUTS }, (_, i) => valueOf(seed + i));
  const keyIndex = Uint32Array.from({ length: FRAME_ROWS }, (_, i) => i % KEYS);
  return {
    detector: NAME,
    frame: {
      rows: FRAME_ROWS,
      values: Buffer.from(values.buffer),
      keys: Array.from({ length: KEYS }, (_, i) => `k${i}`),
      keyIndex: Buffer.from(keyIndex.buffer),
    },
  };
}
