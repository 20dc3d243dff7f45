import { connect } from "node:net";

/** Writes bytes to a port and returns everything that comes back until the server ends the connection. */
export function exchange(port: number, bytes: string | Buffer, timeoutMs = 5_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let received = "";
    socket.setTimeout(timeoutMs, () => {
      socket.destroy();
      reject(new Error(`no end within ${timeoutMs} ms; received: ${received}`));
    });
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(received));
    socket.write(bytes);
  });
}
