import { fileURLToPath } from "node:url";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type Options, type PackageDefinition } from "@grpc/proto-loader";
import { malformed } from "./decode.ts";
import type { WeirError } from "../../domain/errors.ts";

/** Must be what `npm run generate` gives to proto-loader-gen-types. */
const options: Options = { longs: String, enums: String };

/** Directory of the contract. */
export const protoDirectory = fileURLToPath(new URL("../../../proto", import.meta.url));

export const serviceNames = [
  "weir.v1.ScoringService",
  "weir.v1.DetectorService",
  "weir.v1.FeatureService",
  "weir.v1.AdminService",
] as const;
export type ServiceName = (typeof serviceNames)[number];

/** A message that could not be decoded, in the place of the message: the handler refuses it. */
export class Malformed {
  readonly error: WeirError;

  constructor(error: WeirError) {
    this.error = error;
  }
}

/** Weir's contract as proto-loader reads it. */
export function loadContract(changes: Options = {}): PackageDefinition {
  const files = ["scoring", "detectors", "features", "admin"];
  return loadSync(
    files.map((name) => `weir/v1/${name}.proto`),
    {
      ...options,
      ...changes,
      includeDirs: [protoDirectory],
    },
  );
}

/**
 * A service as the server registers it: a request that cannot be decoded becomes `Malformed` instead of grpc-js's INTERNAL, and the
 * messages of the data plane stay bytes, which decode.ts and encode.ts, or feature-messages.ts, read and write.
 */
export function serverDefinition(
  contract: PackageDefinition,
  name: ServiceName,
): ServiceDefinition {
  const service = contract[name];
  if (service === undefined || "format" in service) throw new Error(`no service ${name}`);
  const methods: Record<string, MethodDefinition<object, object>> = {};
  for (const [method, definition] of Object.entries(service)) {
    methods[method] = handWritten.has(definition.path)
      ? { ...definition, requestDeserialize: same, responseSerialize: same }
      : { ...definition, requestDeserialize: guarded(definition) };
  }
  return methods;
}

export const scorePath = "/weir.v1.ScoringService/Score";
export const scoreStreamPath = "/weir.v1.ScoringService/ScoreStream";

export const getFeaturesPath = "/weir.v1.FeatureService/GetFeatures";
export const streamFeaturesPath = "/weir.v1.FeatureService/StreamFeatures";

const handWritten: ReadonlySet<string> = new Set([
  scorePath,
  scoreStreamPath,
  getFeaturesPath,
  streamFeaturesPath,
]);

function same(bytes: object): Buffer {
  if (!Buffer.isBuffer(bytes)) throw new TypeError("a message of the data plane is bytes");
  return bytes;
}

function guarded(definition: MethodDefinition<object, object>): (bytes: Buffer) => object {
  const type = definition.path.split("/")[2] ?? "";
  return (bytes) => {
    try {
      return definition.requestDeserialize(bytes);
    } catch (thrown) {
      return new Malformed(malformed(thrown, `weir.v1.${type}Request`));
    }
  };
}
