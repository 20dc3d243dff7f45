import { detectorName, normalizeSpec } from "../../config/detector-spec.ts";
import type { Detector } from "../../domain/detector.ts";
import { WeirError } from "../../domain/errors.ts";
import { detectorJson, type DetectorJson } from "../admin-messages.ts";
import type { CreateDetectorRequest__Output } from "./generated/weir/v1/CreateDetectorRequest.ts";
import type { ListDetectorsRequest__Output } from "./generated/weir/v1/ListDetectorsRequest.ts";
import type { GrpcParts } from "./parts.ts";
import type { UnaryHost } from "./score.ts";
import { unary } from "./unary.ts";

const pageSizeDefault = 50;
const pageSizeMax = 1000;

interface Named {
  readonly name?: string;
}
interface OneDetector {
  readonly detector: DetectorJson;
}
interface DetectorPage {
  readonly detectors: readonly DetectorJson[];
  readonly nextPageToken: string;
}

/** The handlers of DetectorService. */
export function detectorHandlers(host: UnaryHost) {
  const { registry } = host.parts;
  const one = (detector: Detector): OneDetector => ({ detector: detectorJson(detector, registry) });
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
    detectors: page.map((detector) => detectorJson(detector, parts.registry)),
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
