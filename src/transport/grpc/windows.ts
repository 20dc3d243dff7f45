import type { ServerHttp2Session } from "node:http2";

/**
 * HTTP/2 receive windows, bytes. A window that is used up while a batch is being scored leaves the server waiting for its client: at
 * 256 KiB a stream of 25 KiB frames kept the main thread only four fifths busy, at these sizes it gained 40 to 60 %. The price: a
 * client whose stream is not being read can fill one window a stream, and one a connection, with data that waits in the server.
 */
export const streamWindowBytes = 4 * 1024 * 1024;
export const connectionWindowBytes = 8 * 1024 * 1024;

const widened = new WeakSet<ServerHttp2Session>();

/**
 * Widens the windows of a call's connection, once. grpc-js has an option for this on its client only, so it goes through the call's
 * private `stream`; where a later grpc-js has none, the windows stay as they are.
 */
export function widenWindows(call: object): void {
  const stream: unknown = Reflect.get(call, "stream");
  if (!hasSession(stream) || widened.has(stream.session)) return;
  const { session } = stream;
  widened.add(session);
  session.setLocalWindowSize(connectionWindowBytes);
  session.settings({ initialWindowSize: streamWindowBytes });
}

function hasSession(stream: unknown): stream is { readonly session: ServerHttp2Session } {
  if (typeof stream !== "object" || stream === null) return false;
  const session: unknown = Reflect.get(stream, "session");
  return (
    typeof session === "object" &&
    session !== null &&
    typeof Reflect.get(session, "setLocalWindowSize") === "function"
  );
}
