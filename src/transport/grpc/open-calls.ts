import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
} from "@grpc/grpc-js";
import { Code, WeirError } from "../../domain/errors.ts";
import { drainingError } from "./parts.ts";
import { toStatus } from "./status.ts";

type ServerCall = ServerInterceptingCallInterface;

/** Calls that last as long as their client wants: they are ended when everything else is answered. */
const lastingPaths = /^\/grpc\.(health|reflection)\./;

/** Every call that is open, so that a drain knows when the last one is answered; streams also by connection. */
export class OpenCalls {
  readonly #answering = new Set<ServerCall>();
  readonly #lasting = new Set<ServerCall>();
  readonly #streams = new Map<string, number>();
  #idle: (() => void) | undefined;

  /** A call whose request and end are seen here; one whose client has not sent its request yet is waited for by nobody. */
  watch(method: { readonly path: string }, call: ServerCall): ServerInterceptingCall {
    const lasting = lastingPaths.test(method.path);
    return new ServerInterceptingCall(call, {
      start: (next) => {
        this.#lasting.add(call);
        next({
          onReceiveMessage: (message, pass) => {
            if (!lasting && this.#lasting.delete(call)) this.#answering.add(call);
            pass(message);
          },
          onCancel: () => {
            this.#lasting.delete(call);
            this.#leave(call);
          },
        });
      },
    });
  }

  /** A stream that tells its own end, by `leaveStream`. Throws RESOURCE_EXHAUSTED, TOO_MANY_STREAMS above `max` a connection. */
  enterStream(call: ServerCall, max: number): void {
    const peer = call.getPeer();
    const open = this.#streams.get(peer) ?? 0;
    if (open >= max) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_STREAMS",
        `this connection has ${open} streams open and at most ${max} are taken; use one stream for many requests`,
        { retryAfterMs: 1000 },
      );
    }
    this.#streams.set(peer, open + 1);
    this.#answering.add(call);
  }

  /** `peer` as the call had it when it entered: a closed socket has none. */
  leaveStream(call: ServerCall, peer: string): void {
    const open = (this.#streams.get(peer) ?? 1) - 1;
    if (open === 0) this.#streams.delete(peer);
    else this.#streams.set(peer, open);
    this.#leave(call);
  }

  /** Resolves when no call is open that waits for an answer. */
  answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
      this.#settle();
    });
  }

  /** Ends what waits for nothing: health and reflection, and calls without a request. */
  endLasting(): void {
    const status = toStatus(drainingError());
    for (const call of this.#lasting) {
      call.sendMetadata(new Metadata());
      call.sendStatus(status);
    }
  }

  #leave(call: ServerCall): void {
    this.#answering.delete(call);
    this.#settle();
  }

  #settle(): void {
    if (this.#answering.size === 0) this.#idle?.();
  }
}
