import { createServer, type AddressInfo, type Socket } from "node:net";

/**
 * The TCP side of the server. grpc-js gets its connections from here (its connection injector) because its own shutdown cannot cut
 * connections off when channelz is disabled, and its binding does not say why it failed.
 */
export class Listener {
  readonly #address: string;
  readonly #sockets = new Set<Socket>();
  readonly #server;

  /** `address` is `host:port`; IPv6 hosts in brackets. `accept` takes over each connection. */
  constructor(address: string, accept: (socket: Socket) => void) {
    this.#address = address;
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      accept(socket);
    });
  }

  /** Resolves to the port; rejects with the address in the message. */
  listen(): Promise<{ readonly port: number }> {
    const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(this.#address) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined) {
      return Promise.reject(new Error(`cannot listen on ${this.#address}: expected host:port`));
    }
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) => {
        reject(new Error(`cannot listen on ${this.#address}: ${error.message}`, { cause: error }));
      });
      this.#server.listen({ host, port: Number(port) }, () => {
        resolve({ port: portOf(this.#server.address()) });
      });
    });
  }

  /** Takes no more connections, and resolves when those that are open have ended. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** Cuts off the connections that have nothing left to send: handshakes that never ended, clients that do not hang up. */
  destroyIdle(): void {
    for (const socket of this.#sockets) if (socket.writableLength === 0) socket.destroy();
  }

  /** Cuts every connection off. */
  destroy(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function portOf(address: AddressInfo | string | null): number {
  return address !== null && typeof address === "object" ? address.port : 0;
}
