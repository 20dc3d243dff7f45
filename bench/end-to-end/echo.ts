import http from "node:http";
import path from "node:path";
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type UntypedServiceImplementation,
  type sendUnaryData,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import protoLoader, { type AnyDefinition, type ServiceDefinition } from "@grpc/proto-loader";
import { z } from "zod";

/**
 * The floor: a server that decodes each request with proto-loader's plain codec, does nothing, and encodes a constant answer of the
 * same size as Weir's. What Weir adds is what it takes longer than this. The process is told its answers by message, and
 * tells its ports.
 */

const echoAnswers = z.object({ frame: z.string(), event: z.string(), json: z.string() });

/**
 * Weir's own answers: to a request with a frame and to one with an event, encoded ScoreResponses as base64; and the body of an
 * HTTP answer.
 */
export type EchoAnswers = Readonly<z.infer<typeof echoAnswers>>;

interface StreamRequest {
  readonly requestId: number;
  readonly request?: { readonly frame?: unknown };
}
interface ScoreRequest {
  readonly frame?: unknown;
}

const definition = protoLoader.loadSync("weir/v1/scoring.proto", {
  includeDirs: [path.resolve(import.meta.dirname, "../../proto")],
  longs: Number,
  enums: Number,
});

function isService(entry: AnyDefinition | undefined): entry is ServiceDefinition {
  return entry !== undefined && !("format" in entry);
}

const service = definition["weir.v1.ScoringService"];
if (!isService(service)) throw new Error("the contract has no ScoringService");
const scoringService: ServiceDefinition = service;

/** ScoreResponse as proto-loader itself decodes it. */
function decodeAnswer(base64: string): unknown {
  return scoringService["Score"]?.responseDeserialize(Buffer.from(base64, "base64"));
}

let frameAnswer: unknown = {};
let eventAnswer: unknown = {};
let jsonAnswer: unknown = {};

function take(message: unknown): void {
  const answers = echoAnswers.parse(message);
  frameAnswer = decodeAnswer(answers.frame);
  eventAnswer = decodeAnswer(answers.event);
  jsonAnswer = JSON.parse(answers.json);
  process.send?.({ ready: true });
}

const implementation: UntypedServiceImplementation = {
  ScoreStream(call: ServerDuplexStream<StreamRequest, unknown>): void {
    call.on("data", ({ requestId, request }: StreamRequest) => {
      call.write({ requestId, response: request?.frame ? frameAnswer : eventAnswer });
    });
    call.on("end", () => call.end());
    call.on("error", () => undefined);
  },
  Score(call: ServerUnaryCall<ScoreRequest, unknown>, callback: sendUnaryData<unknown>): void {
    callback(null, call.request.frame ? frameAnswer : eventAnswer);
  },
};

function startGrpc(): Promise<number> {
  const server = new Server({
    "grpc.max_receive_message_length": 8 * 1024 * 1024,
    "grpc-node.flow_control_window": 8 * 1024 * 1024,
  });
  server.addService(scoringService, implementation);
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}

function startHttp(): Promise<number> {
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      JSON.parse(Buffer.concat(parts).toString("utf8"));
      response.setHeader("content-type", "application/json; charset=utf-8");
      response.end(JSON.stringify(jsonAnswer));
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

process.on("message", take);
process.on("disconnect", () => process.exit(0));
const [grpcPort, httpPort] = await Promise.all([startGrpc(), startHttp()]);
process.send?.({ grpcPort, httpPort });
