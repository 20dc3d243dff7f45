import { Client, credentials, type ChannelOptions } from "@grpc/grpc-js";
import { decode, encode } from "./wire.ts";

/** The same for both sides of every comparison. Retries off: they would keep copies of what was sent. */
const channelOptions: ChannelOptions = {
  "grpc.enable_retries": 0,
  "grpc.max_receive_message_length": 8 * 1024 * 1024,
  "grpc.max_send_message_length": 8 * 1024 * 1024,
  "grpc-node.flow_control_window": 8 * 1024 * 1024,
  "grpc.use_local_subchannel_pool": 1,
};

export const scorePath = "/weir.v1.ScoringService/Score";
export const scoreStreamPath = "/weir.v1.ScoringService/ScoreStream";

/** Bytes in, bytes out: encoding is no part of what the client measures. */
export const identity = (bytes: Buffer): Buffer => bytes;

export function connect(grpcPort: number): Client {
  return new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure(), channelOptions);
}

/** A unary call of `weir.v1`: `method` as "DetectorService/CreateDetector". Rejects with the ServiceError. */
export function call(
  client: Client,
  method: string,
  request: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const name = method.split("/")[1] ?? "";
  const requestType = name === "Score" ? "ScoreRequest" : `${name}Request`;
  const responseType = name === "Score" ? "ScoreResponse" : `${name}Response`;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/weir.v1.${method}`,
      identity,
      identity,
      encode(requestType, request),
      (error, bytes) => {
        if (error) reject(error);
        else resolve(decode(responseType, bytes ?? Buffer.alloc(0)));
      },
    );
  });
}

export async function createDetector(
  client: Client,
  name: string,
  spec: Readonly<Record<string, unknown>>,
): Promise<void> {
  await call(client, "DetectorService/CreateDetector", { name, spec });
}

/** What the memory suite reads of DetectorStatus. */
export async function detectorState(
  client: Client,
  name: string,
): Promise<{ readonly keys: number; readonly stateBytes: number; readonly events: number }> {
  const response = await call(client, "DetectorService/GetDetector", { name });
  const detector = response["detector"];
  const status = isRecord(detector) && isRecord(detector["status"]) ? detector["status"] : {};
  return {
    keys: Number(status["keys"] ?? 0),
    stateBytes: Number(status["stateBytes"] ?? 0),
    events: Number(status["events"] ?? 0),
  };
}

/** True of a plain JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
