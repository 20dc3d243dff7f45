import type { Reply, Ticket } from "../../admission/scorer.ts";
import type { Detector } from "../../domain/detector.ts";
import { WeirError } from "../../domain/errors.ts";
import type { ScoreRequest } from "../../domain/event.ts";
import type { Verdicts } from "../../domain/verdict.ts";
import { decodeStreamRequest } from "./decode.ts";
import { answerBytesEstimate, encodeStreamAnswer } from "./encode.ts";
import { checkAnswerSize, derivedAsked } from "./parts.ts";
import { RequestStream, type InFlight } from "./request-stream.ts";

/** One ScoreStream call. */
export class ScoreStream extends RequestStream {
  /** A request in flight got its answer. */
  answer(request: Scoring, verdicts: Verdicts, detector: Detector): void {
    if (!this.settle(request)) return;
    const answer = { verdicts, detector, ids: request.ids };
    this.send(encodeStreamAnswer(request.requestId, answer));
  }

  protected override take(bytes: Buffer): void {
    const { requestId, request } = decodeStreamRequest(bytes);
    const { parts, limits } = this.host;
    const inFlight = new Scoring(this, requestId);
    try {
      if (request instanceof WeirError) throw request;
      this.checkRoom(requestId);
      const derived = derivedAsked(request, parts.registry);
      inFlight.describe(request, derived, limits.messageBytesMax);
      this.enter(inFlight);
      inFlight.ticket = parts.scorer.submit(request, this.callContext(), inFlight);
    } catch (thrown) {
      this.refuse(inFlight, thrown);
    }
  }
}

/** A request of a stream between admission and answer. */
class Scoring implements Reply, InFlight {
  readonly requestId: number;
  readonly #stream: ScoreStream;
  ticket: Ticket | undefined = undefined;
  ids: readonly string[] | undefined = undefined;
  promisedBytes = 0;

  constructor(stream: ScoreStream, requestId: number) {
    this.#stream = stream;
    this.requestId = requestId;
  }

  /** Keeps of the request what its answer needs; throws when that would be too large. */
  describe(request: ScoreRequest, derived: number, answerBytesMax: number): void {
    if (request.frame === undefined) this.ids = request.events.map((event) => event.id);
    this.promisedBytes = answerBytesEstimate(request, derived);
    checkAnswerSize(this.promisedBytes, request, answerBytesMax);
  }

  answer(verdicts: Verdicts, detector: Detector): void {
    this.#stream.answer(this, verdicts, detector);
  }

  fail(error: WeirError): void {
    this.#stream.fail(this, error);
  }
}
