import type { sendUnaryData, ServerReadableStream, ServerWritableStream } from "@grpc/grpc-js";
import { Code, WeirError } from "../../domain/errors.ts";
import { Malformed } from "./definitions.ts";
import type { ImportDetectorRequest__Output } from "./generated/weir/v1/ImportDetectorRequest.ts";
import { drainingError, toWeirError } from "./parts.ts";
import type { UnaryHost } from "./score.ts";
import { toStatus } from "./status.ts";

/** What the streaming handlers of AdminService share. */
export interface StreamingHost extends UnaryHost {
  /** What breaks each of these calls off with UNAVAILABLE: they may last for longer than a drain. */
  readonly lasting: Set<() => void>;
}

/**
 * A handler that sends what `produce` yields. The next is asked for when the client has room for it, so one message is held; a call that is
 * cancelled ends the iteration.
 */
export function sendStream<Request extends object, Item, Message>(
  host: StreamingHost,
  produce: (request: Request) => AsyncIterable<Item>,
  toMessage: (item: Item) => Message,
) {
  return (call: ServerWritableStream<Request | Malformed, Message>): void => {
    const over = Promise.withResolvers<"over">();
    let end: "cancelled" | "draining" | undefined;
    const stop = (why: "cancelled" | "draining") => (): void => {
      end ??= why;
      over.resolve("over");
    };
    const drain = stop("draining");
    call.on("cancelled", stop("cancelled"));
    const send = async (request: Request): Promise<void> => {
      const items = produce(request)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await Promise.race([items.next(), over.promise]);
          if (next === "over" || next.done === true) return;
          await Promise.race([written(call, toMessage(next.value)), over.promise]);
        }
      } finally {
        // Not waited for: it may stand behind an item that takes its time.
        items.return?.().catch(() => undefined);
      }
    };
    const run = async (): Promise<void> => {
      host.lasting.add(drain);
      try {
        if (host.draining) throw drainingError();
        if (call.request instanceof Malformed) throw call.request.error;
        await send(call.request);
        if (end === "draining") throw drainingError();
        call.end();
      } catch (thrown) {
        const error = toWeirError(thrown, host.parts);
        host.parts.telemetry.refused("grpc_stream", error.reason);
        call.emit("error", toStatus(error));
      } finally {
        host.lasting.delete(drain);
      }
    };
    void run();
  };
}

/** Resolves when the message has left, so that its bytes may be used again. */
function written<Message>(
  call: ServerWritableStream<object, Message>,
  message: Message,
): Promise<void> {
  return new Promise((resolve) => {
    call.write(message, () => resolve());
  });
}

type ImportCall = ServerReadableStream<ImportDetectorRequest__Output | Malformed, object>;

/** A handler that reads chunks with a name before them; messages are read as `handle` takes their chunks. */
export function chunkReader(
  host: StreamingHost,
  handle: (name: string, chunks: AsyncIterable<Uint8Array>) => Promise<object>,
) {
  const run = async (call: ImportCall, callback: sendUnaryData<object>): Promise<void> => {
    let end: WeirError | undefined;
    const stop = (why: WeirError): void => {
      end ??= why;
      // Whoever waits for a message is told that none comes.
      call.destroy();
    };
    const drain = (): void => stop(drainingError());
    host.lasting.add(drain);
    call.on("cancelled", () => stop(cancelled()));
    call.on("error", () => undefined);
    try {
      if (host.draining) throw drainingError();
      const messages: AsyncIterator<unknown> = call[Symbol.asyncIterator]();
      const first = await nextMessage(messages);
      if (first === undefined) throw malformed("chunk", "the call ended without one");
      callback(null, await handle(first.name ?? "", chunksOf(first, messages)));
    } catch (thrown) {
      const error = toWeirError(end ?? thrown, host.parts);
      host.parts.telemetry.refused("grpc_stream", error.reason);
      callback(toStatus(error));
    } finally {
      host.lasting.delete(drain);
      // What is still on its way is of no use.
      call.destroy();
    }
  };
  return (call: ImportCall, callback: sendUnaryData<object>) => void run(call, callback);
}

/** Undefined at the end. */
async function nextMessage(
  messages: AsyncIterator<unknown>,
): Promise<ImportDetectorRequest__Output | undefined> {
  const next = await messages.next();
  if (next.done === true) return undefined;
  const message: unknown = next.value;
  if (message instanceof Malformed) throw message.error;
  return isImport(message) ? message : undefined;
}

/** proto-loader has made it of the call's request type. */
function isImport(message: unknown): message is ImportDetectorRequest__Output {
  return typeof message === "object" && message !== null;
}

async function* chunksOf(
  first: ImportDetectorRequest__Output,
  messages: AsyncIterator<unknown>,
): AsyncGenerator<Uint8Array, void> {
  if (first.chunk !== undefined && first.chunk.length > 0) yield first.chunk;
  for (;;) {
    const message = await nextMessage(messages);
    if (message === undefined) return;
    if (message.name !== undefined && message.name !== "") {
      throw malformed("name", "only the first message has one");
    }
    // A client that sends nothing for ever would hold the import.
    if (message.chunk === undefined || message.chunk.length === 0) {
      throw malformed("chunk", "is empty; only the first message may have none");
    }
    yield message.chunk;
  }
}

function malformed(field: string, message: string): WeirError {
  return WeirError.invalid("MALFORMED", field, message);
}

function cancelled(): WeirError {
  return new WeirError(Code.CANCELLED, "CANCELLED", "the client went away");
}
