import { Metadata, status as Status, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { CallContext, Ticket } from "../../admission/scorer.ts";
import { Code, WeirError } from "../../domain/errors.ts";
import { encodeStreamError } from "./encode.ts";
import type { OpenCalls } from "./open-calls.ts";
import {
  callDeadline,
  drainingError,
  toWeirError,
  type GrpcLimits,
  type GrpcParts,
} from "./parts.ts";
import { toStatus } from "./status.ts";

/** What all streams of requests of a server share. */
export interface StreamHost {
  readonly parts: GrpcParts;
  readonly limits: GrpcLimits;
  readonly calls: OpenCalls;
  readonly streams: Set<RequestStream>;
  readonly draining: boolean;
}

/** A request of a stream between its message and its answer. */
export interface InFlight {
  readonly requestId: number;
  /** What its answer will take at most, about. */
  readonly promisedBytes: number;
  ticket: Ticket | undefined;
}

/** After this many ms a client that had too many requests in flight may have room again. */
const inFlightRetryMs = 10;

/**
 * One call of a method whose both sides are streams of messages with request ids, straight on grpc-js's interceptor interface: no
 * object-mode Duplex in between, reads happen one by one when they are asked for, and a write calls back when HTTP/2 has taken its
 * bytes, flow control included.
 *
 *     client ──> HTTP/2 window ──> startRead ──> take ──> admission
 *     client <── HTTP/2 window <── sendMessage <── settle <──┘
 *
 * Back pressure: `buffered` counts answers written and not flushed, `promised` what requests in flight will write at most, about.
 * Above half the limit nothing is read, so the client's own window fills and it stops sending; the other half is for the answer
 * to the request that was read last, so that what is buffered stays under the limit.
 */
export abstract class RequestStream {
  protected readonly host: StreamHost;
  readonly #call: ServerInterceptingCallInterface;
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
    this.host = host;
  }

  /** Answers that the reader has not taken yet, bytes. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  onReceiveMetadata(metadata: Metadata): void {
    const { parts, calls, limits, streams } = this.host;
    try {
      if (this.host.draining) throw drainingError();
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
    this.take(bytes);
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
    this.host.streams.delete(this);
    if (this.#peer !== undefined) this.host.calls.leaveStream(this.#call, this.#peer);
    this.#peer = undefined;
  }

  /** Ends the stream with OK as soon as everything in flight is answered; new requests are refused meanwhile. */
  finish(): void {
    this.#ending = true;
    if (this.#inFlight.size > 0 || this.#ended) return;
    this.#ended = true;
    this.#call.sendStatus({ code: Status.OK, details: "OK" });
  }

  /** A request in flight failed. */
  fail(request: InFlight, error: WeirError): void {
    if (!this.settle(request)) return;
    this.#refuse(request.requestId, toWeirError(error, this.host.parts));
    this.#finishWhenEnding();
  }

  /** Decodes a message and admits its request. */
  protected abstract take(bytes: Buffer): void;

  /** Throws when the stream has no room for a request of this id. */
  protected checkRoom(requestId: number): void {
    const max = this.host.limits.streamRequestsMax;
    if (this.host.draining) throw drainingError();
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

  /** The request is in flight; `settle` or `refuse` follows. */
  protected enter(request: InFlight): void {
    this.#inFlight.set(request.requestId, request);
    this.#promisedBytes += request.promisedBytes;
  }

  /** What a request that was just decoded is admitted with. */
  protected callContext(): CallContext {
    return {
      receivedAt: this.host.parts.clock.now(),
      deadline: this.#deadline,
      transport: "grpc_stream",
      traceparent: this.#traceparent,
    };
  }

  /** The request was not admitted. */
  protected refuse(request: InFlight, thrown: unknown): void {
    this.settle(request);
    this.#refuse(request.requestId, toWeirError(thrown, this.host.parts));
  }

  /** Whether the request was in flight until now; then it has its answer. */
  protected settle(request: InFlight): boolean {
    if (this.#inFlight.get(request.requestId) !== request) return false;
    this.#inFlight.delete(request.requestId);
    this.#promisedBytes -= request.promisedBytes;
    return true;
  }

  /** Sends the answer of a request that `settle` has taken out. */
  protected send(message: Buffer): void {
    this.#write(message);
    this.#finishWhenEnding();
  }

  #finishWhenEnding(): void {
    if (this.#ending) this.finish();
  }

  #refuse(requestId: number, error: WeirError): void {
    this.host.parts.telemetry.refused("grpc_stream", error.reason);
    this.#write(encodeStreamError(requestId, error));
  }

  #write(message: Buffer): void {
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
    return bytes > this.host.limits.streamBufferedBytesMax / 2;
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
