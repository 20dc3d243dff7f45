import { Metadata, status as Status, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { Reply, Ticket } from "../../admission/scorer.ts";
import type { Detector } from "../../domain/detector.ts";
import { Code, WeirError } from "../../domain/errors.ts";
import type { ScoreRequest } from "../../domain/event.ts";
import type { Verdicts } from "../../domain/verdict.ts";
import { decodeStreamRequest } from "./decode.ts";
import { answerBytesEstimate, encodeStreamAnswer, encodeStreamError } from "./encode.ts";
import type { OpenCalls } from "./open-calls.ts";
import {
  callDeadline,
  checkAnswerSize,
  drainingError,
  toWeirError,
  type GrpcLimits,
  type GrpcParts,
} from "./parts.ts";
import { toStatus } from "./status.ts";

/** What all score streams of a server share. */
export interface StreamHost {
  readonly parts: GrpcParts;
  readonly limits: GrpcLimits;
  readonly calls: OpenCalls;
  readonly streams: Set<ScoreStream>;
  readonly draining: boolean;
}

/** After this many ms a client that had too many requests in flight may have room again. */
const inFlightRetryMs = 10;

/**
 * One ScoreStream call, straight on grpc-js's interceptor interface: no object-mode Duplex in between, reads happen one by one
 * when they are asked for, and a write calls back when HTTP/2 has taken its bytes, flow control included.
 *
 *     client ──> HTTP/2 window ──> startRead ──> take ──> scorer
 *     client <── HTTP/2 window <── sendMessage <── settle <──┘
 *
 * Back pressure: `buffered` counts answers written and not flushed, `promised` what requests in flight will write at most, about.
 * Above half the limit nothing is read, so the client's own window fills and it stops sending; the other half is for the answer
 * to the request that was read last, so that what is buffered stays under the limit.
 */
export class ScoreStream {
  readonly #call: ServerInterceptingCallInterface;
  readonly #host: StreamHost;
  readonly #inFlight = new Map<number, InFlight>();
  #peer: string | undefined;
  #deadline = Infinity;
  #traceparent: string | undefined;
  #bufferedBytes = 0;
  #promisedBytes = 0;
  #reading = false;
  #readAgain = false;
  #paused = false;
  #ending = false;
  #ended = false;

  constructor(call: ServerInterceptingCallInterface, host: StreamHost) {
    this.#call = call;
    this.#host = host;
  }

  /** Answers that the reader has not taken yet, bytes. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  onReceiveMetadata(metadata: Metadata): void {
    const { parts, calls, limits, streams } = this.#host;
    try {
      if (this.#host.draining) throw drainingError();
      const peer = this.#call.getPeer();
      calls.enterStream(this.#call, limits.connectionStreamsMax);
      this.#peer = peer;
    } catch (thrown) {
      const error = toWeirError(thrown, parts);
      parts.telemetry.refused("grpc_stream", error.reason);
      this.#ended = true;
      this.#call.sendStatus(toStatus(error));
      return;
    }
    streams.add(this);
    this.#deadline = callDeadline(this.#call.getDeadline(), parts.clock);
    this.#traceparent = metadata.get("traceparent")[0]?.toString();
    this.#call.sendMetadata(new Metadata());
    this.#readNext();
  }

  onReceiveMessage(bytes: Buffer): void {
    if (this.#ended) return;
    this.#take(bytes);
    this.#readNext();
  }

  onReceiveHalfClose(): void {
    this.finish();
  }

  /** The call is over, however it ended: what is still in flight lost its caller. */
  onCancel(): void {
    this.#ended = true;
    for (const request of this.#inFlight.values()) request.ticket?.cancel();
    this.#inFlight.clear();
    this.#host.streams.delete(this);
    if (this.#peer !== undefined) this.#host.calls.leaveStream(this.#call, this.#peer);
    this.#peer = undefined;
  }

  /** Ends the stream with OK as soon as everything in flight is answered; new requests are refused meanwhile. */
  finish(): void {
    this.#ending = true;
    if (this.#inFlight.size > 0 || this.#ended) return;
    this.#ended = true;
    this.#call.sendStatus({ code: Status.OK, details: "OK" });
  }

  /** A request in flight got its answer. */
  answer(request: InFlight, verdicts: Verdicts, detector: Detector): void {
    if (!this.#settle(request)) return;
    const answer = { verdicts, detector, ids: request.ids };
    this.#send(encodeStreamAnswer(request.requestId, answer));
    if (this.#ending) this.finish();
  }

  /** A request in flight failed. */
  fail(request: InFlight, error: WeirError): void {
    if (!this.#settle(request)) return;
    this.#refuse(request.requestId, toWeirError(error, this.#host.parts));
    if (this.#ending) this.finish();
  }

  #take(bytes: Buffer): void {
    const { requestId, request } = decodeStreamRequest(bytes);
    const { parts } = this.#host;
    const inFlight = new InFlight(this, requestId);
    try {
      if (request instanceof WeirError) throw request;
      this.#checkRoom(requestId);
      inFlight.describe(request, this.#host.limits.messageBytesMax);
      this.#inFlight.set(requestId, inFlight);
      this.#promisedBytes += inFlight.promisedBytes;
      inFlight.ticket = parts.scorer.submit(
        request,
        {
          receivedAt: parts.clock.now(),
          deadline: this.#deadline,
          transport: "grpc_stream",
          traceparent: this.#traceparent,
        },
        inFlight,
      );
    } catch (thrown) {
      this.#settle(inFlight);
      this.#refuse(requestId, toWeirError(thrown, parts));
    }
  }

  #checkRoom(requestId: number): void {
    const max = this.#host.limits.streamRequestsMax;
    if (this.#host.draining) throw drainingError();
    if (this.#inFlight.has(requestId)) {
      throw WeirError.invalid(
        "DUPLICATE_REQUEST_ID",
        "request_id",
        `${requestId} is in flight on this stream; an id may be used again once it is answered`,
      );
    }
    if (this.#inFlight.size < max) return;
    throw new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "TOO_MANY_IN_FLIGHT",
      `at most ${max} requests may be in flight on one stream; wait for answers`,
      { retryAfterMs: inFlightRetryMs },
    );
  }

  #settle(request: InFlight): boolean {
    if (this.#inFlight.get(request.requestId) !== request) return false;
    this.#inFlight.delete(request.requestId);
    this.#promisedBytes -= request.promisedBytes;
    return true;
  }

  #refuse(requestId: number, error: WeirError): void {
    this.#host.parts.telemetry.refused("grpc_stream", error.reason);
    this.#send(encodeStreamError(requestId, error));
  }

  #send(message: Buffer): void {
    if (this.#ended) return;
    const { length } = message;
    this.#bufferedBytes += length;
    this.#call.sendMessage(message, () => {
      this.#bufferedBytes -= length;
      if (this.#paused && !this.#full()) {
        this.#paused = false;
        this.#readNext();
      }
    });
  }

  #full(): boolean {
    const bytes = this.#bufferedBytes + this.#promisedBytes;
    return bytes > this.#host.limits.streamBufferedBytesMax / 2;
  }

  /** Asks for the next message. grpc-js may deliver it before `startRead` returns: a loop, not a recursion. */
  #readNext(): void {
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    this.#reading = true;
    do {
      this.#readAgain = false;
      this.#paused = this.#full();
      if (!this.#paused) this.#call.startRead();
    } while (this.#readAgain);
    this.#reading = false;
  }
}

/** A request of a stream between admission and answer. */
class InFlight implements Reply {
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
  describe(request: ScoreRequest, answerBytesMax: number): void {
    if (request.frame === undefined) this.ids = request.events.map((event) => event.id);
    this.promisedBytes = answerBytesEstimate(request);
    checkAnswerSize(this.promisedBytes, request, answerBytesMax);
  }

  answer(verdicts: Verdicts, detector: Detector): void {
    this.#stream.answer(this, verdicts, detector);
  }

  fail(error: WeirError): void {
    this.#stream.fail(this, error);
  }
}
