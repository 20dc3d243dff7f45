import { limits } from "../../config/limits.ts";
import type { WeirError } from "../../domain/errors.ts";
import type { FeatureRequest, FeatureValues } from "../../serving/features.ts";
import { findRequestId, malformed } from "./decode.ts";
import { StringCache, WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

// The messages of FeatureService by hand, as decode.ts and encode.ts have those of scoring: thousands of keys come and go at once.

/** A message of a stream; `request` is why, where the bytes are no StreamFeaturesRequest. */
export interface StreamRequest {
  /** 0 where it could not be read. */
  readonly requestId: number;
  readonly request: FeatureRequest | WeirError;
}

const names = new StringCache(256);
const keys = new StringCache(8192);
const reader = new WireReader();
const writer = new WireWriter();

/** Of a list that is refused when it is longer, this much is read: enough to refuse it. The rest only costs. */
const keysMax = limits.readKeysMax + 1;
const namesMax = 256;

class Draft implements FeatureRequest {
  detector = "";
  readonly keys: string[] = [];
  timeUnixMs = 0;
  readonly features: string[] = [];
}

/** The message of GetFeatures; throws WeirError (MALFORMED). */
export function decodeFeatureRequest(bytes: Buffer): FeatureRequest {
  reader.reset(bytes);
  try {
    return readRequest(new Draft());
  } catch (thrown) {
    throw malformed(thrown, "weir.v1.GetFeaturesRequest");
  }
}

/** One message of StreamFeatures; never throws. */
export function decodeStreamRequest(bytes: Buffer): StreamRequest {
  let requestId = 0;
  const request = new Draft();
  reader.reset(bytes);
  try {
    while (reader.pos < reader.end) {
      const tag = reader.tag();
      if (tag === 8) requestId = reader.uint32();
      else if (tag === 18) {
        const outer = reader.enter();
        readRequest(request);
        reader.leave(outer);
      } else reader.skip(tag);
    }
  } catch (thrown) {
    const error = malformed(thrown, "weir.v1.StreamFeaturesRequest");
    return { requestId: findRequestId(bytes), request: error };
  }
  return { requestId, request };
}

function readRequest(into: Draft): FeatureRequest {
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) into.detector = reader.cachedText(names);
    else if (tag === 18 && into.keys.length < keysMax) into.keys.push(reader.cachedText(keys));
    else if (tag === 24) into.timeUnixMs = reader.int64();
    else if (tag === 34 && into.features.length < namesMax) {
      into.features.push(reader.cachedText(names));
    } else reader.skip(tag);
  }
  return into;
}

/** A GetFeaturesResponse; a view that the next call writes again. */
export function encodeFeatures(features: FeatureValues): Buffer {
  writer.start();
  writeFeatures(features);
  return writer.finish();
}

/** A StreamFeaturesResponse with features; a view that the next call writes again. */
export function encodeStreamFeatures(requestId: number, features: FeatureValues): Buffer {
  writer.start();
  if (requestId !== 0) writer.uint32(8, requestId);
  const response = writer.open(18);
  writeFeatures(features);
  writer.close(response);
  return writer.finish();
}

function writeFeatures(features: FeatureValues): void {
  for (const name of features.names) writer.text(10, name);
  for (let key = 0; key < features.keys.length; key++) {
    const body = writer.open(18);
    writeKey(features, key);
    writer.close(body);
  }
  writer.int64(24, features.timeUnixMs);
}

function writeKey(features: FeatureValues, key: number): void {
  const { names: of, values } = features;
  const text = features.keys[key] ?? "";
  const first = key * of.length;
  if (text !== "") writer.text(10, text);
  if (features.known[key] === 1) writer.uint32(16, 1);
  writer.bytes(26, new Uint8Array(values.buffer, values.byteOffset + first * 8, of.length * 8));
  for (let i = 0; i < of.length; i++) {
    if (features.defaulted[first + i] === 1) writer.text(34, of[i] ?? "");
  }
  if (features.exact[key] === 1) writer.uint32(40, 1);
  if (features.covered[key] === 1) writer.uint32(48, 1);
}
