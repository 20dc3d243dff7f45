import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { describeSpec, type DetectorSpecJson } from "../../config/describe-spec.ts";
import { detectorName, normalizeSpec } from "../../config/detector-spec.ts";
import { describeStatus, type DetectorStatusJson } from "../../control/describe-status.ts";
import type { Detector } from "../../domain/detector.ts";
import { WeirError } from "../../domain/errors.ts";
import { Malformed } from "./definitions.ts";
import type { CreateDetectorRequest__Output } from "./generated/weir/v1/CreateDetectorRequest.ts";
import type { ListDetectorsRequest__Output } from "./generated/weir/v1/ListDetectorsRequest.ts";
import { drainingError, toWeirError, type GrpcParts } from "./parts.ts";
import type { UnaryHost } from "./score.ts";
import { toStatus } from "./status.ts";

const pageSizeDefault = 50;
const pageSizeMax = 1000;

interface Named {
  readonly name?: string;
}
/** The contract's Detector, as proto-loader takes it. */
interface DetectorMessage {
  readonly name: string;
  readonly spec: DetectorSpecJson;
  readonly status: DetectorStatusJson;
}
interface OneDetector {
  readonly detector: DetectorMessage;
}
interface DetectorPage {
  readonly detectors: readonly DetectorMessage[];
  readonly nextPageToken: string;
}

/** The handlers of DetectorService. */
export function detectorHandlers(host: UnaryHost) {
  const { registry } = host.parts;
  const one = (detector: Detector): OneDetector => ({ detector: toMessage(detector, host.parts) });
  return {
    CreateDetector: unary(host, async (request: CreateDetectorRequest__Output) => {
      const name = detectorName(request.name ?? "");
      return one(await registry.create(name, normalizeSpec(request.spec ?? {}, "spec")));
    }),
    GetDetector: unary(host, async (request: Named) => one(registry.get(request.name ?? ""))),
    ListDetectors: unary(host, async (request: ListDetectorsRequest__Output) =>
      listPage(request, host.parts),
    ),
    ResetDetector: unary(host, async (request: Named) =>
      one(await registry.reset(request.name ?? "")),
    ),
    DeleteDetector: unary(host, async (request: Named) => {
      await registry.remove(request.name ?? "");
      return {};
    }),
  };
}

type Handler<Request, Response> = (
  call: ServerUnaryCall<Request | Malformed, Response>,
  callback: sendUnaryData<Response>,
) => void;

type AsyncHandler<Request, Response> = (
  ...call: Parameters<Handler<Request, Response>>
) => Promise<void>;

function unary<Request extends object, Response>(
  host: UnaryHost,
  handle: (request: Request) => Promise<Response>,
): Handler<Request, Response> {
  const respond: AsyncHandler<Request, Response> = async (call, callback) => {
    let response: Response;
    try {
      if (host.draining) throw drainingError();
      if (call.request instanceof Malformed) throw call.request.error;
      response = await handle(call.request);
    } catch (thrown) {
      const error = toWeirError(thrown, host.parts);
      host.parts.telemetry.refused("grpc_unary", error.reason);
      callback(toStatus(error));
      return;
    }
    callback(null, response);
  };
  return (call, callback) => void respond(call, callback);
}

/** Pages go by name, so that detectors that come or go between two pages shift nothing. */
function listPage(request: ListDetectorsRequest__Output, parts: GrpcParts): DetectorPage {
  const size = Math.min(request.pageSize || pageSizeDefault, pageSizeMax);
  const after = readToken(request.pageToken ?? "");
  const all = parts.registry.list();
  const start = after === undefined ? 0 : all.findIndex(({ name }) => isAfter(name, after));
  const page = start < 0 ? [] : all.slice(start, start + size);
  const last = page.at(-1);
  const more = last !== undefined && start + size < all.length;
  return {
    detectors: page.map((detector) => toMessage(detector, parts)),
    nextPageToken: more ? Buffer.from(last.name).toString("base64url") : "",
  };
}

/** In the order of code points, which is the order of UTF-8 bytes. */
function isAfter(name: string, after: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0;
}

function readToken(token: string): string | undefined {
  if (token === "") return undefined;
  const name = Buffer.from(token, "base64url").toString();
  if (Buffer.from(name).toString("base64url") === token) return name;
  throw WeirError.invalid(
    "MALFORMED",
    "page_token",
    "is not a next_page_token of ListDetectorsResponse",
  );
}

function toMessage(detector: Detector, parts: GrpcParts): DetectorMessage {
  const status = describeStatus(parts.registry.status(detector));
  return { name: detector.name, spec: describeSpec(detector.config), status };
}
