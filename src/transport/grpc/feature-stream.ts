import type { Ticket } from "../../admission/scorer.ts";
import { WeirError } from "../../domain/errors.ts";
import type { FeatureReply, FeatureRequest, FeatureValues } from "../../serving/features.ts";
import { decodeStreamRequest, encodeStreamFeatures } from "./feature-messages.ts";
import { RequestStream, type InFlight } from "./request-stream.ts";

/** One StreamFeatures call. */
export class FeatureStream extends RequestStream {
  /** A request in flight got its answer. */
  answer(request: ReadInFlight, features: FeatureValues): void {
    if (!this.settle(request)) return;
    this.send(encodeStreamFeatures(request.requestId, features));
  }

  protected override take(bytes: Buffer): void {
    const { requestId, request } = decodeStreamRequest(bytes);
    const { parts } = this.host;
    const inFlight = new ReadInFlight(this, requestId);
    try {
      if (request instanceof WeirError) throw request;
      this.checkRoom(requestId);
      inFlight.promisedBytes = this.#answerBytes(request);
      this.enter(inFlight);
      inFlight.ticket = parts.features.read(request, this.callContext(), inFlight);
    } catch (thrown) {
      this.refuse(inFlight, thrown);
    }
  }

  /** Without the names of defaulted features, which the request does not tell. */
  #answerBytes({ detector, keys, features }: FeatureRequest): number {
    const all = this.host.parts.registry.find(detector)?.config.features.length ?? 0;
    const each = 20 + 8 * (features.length === 0 ? all : features.length);
    return keys.reduce((bytes, key) => bytes + key.length + each, 0);
  }
}

/** A request of a stream between admission and answer. */
class ReadInFlight implements FeatureReply, InFlight {
  readonly requestId: number;
  readonly #stream: FeatureStream;
  ticket: Ticket | undefined = undefined;
  promisedBytes = 0;

  constructor(stream: FeatureStream, requestId: number) {
    this.#stream = stream;
    this.requestId = requestId;
  }

  answer(features: FeatureValues): void {
    this.#stream.answer(this, features);
  }

  fail(error: WeirError): void {
    this.#stream.fail(this, error);
  }
}
