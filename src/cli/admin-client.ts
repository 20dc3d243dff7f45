import {
  credentials,
  loadPackageDefinition,
  status as Status,
  type ChannelCredentials,
  type ServiceError,
} from "@grpc/grpc-js";
import { limits } from "../config/limits.ts";
import { OptionsError } from "../config/options-error.ts";
import { loadContract } from "../transport/grpc/definitions.ts";
import type { ProtoGrpcType as AdminPackage } from "../transport/grpc/generated/admin.ts";
import type { AdminServiceClient } from "../transport/grpc/generated/weir/v1/AdminService.ts";

/** Which server, and how it is spoken to. */
export interface Connection {
  /** HOST:PORT */
  readonly address: string;
  /** PEM contents; undefined = plain text. */
  readonly tls:
    | {
        readonly ca: Buffer;
        readonly own: { readonly cert: Buffer; readonly key: Buffer } | undefined;
      }
    | undefined;
}

type Done<Response> = (error: ServiceError | null, value?: Response) => void;

/** A client of a running server's operations. */
export class AdminClient {
  readonly service: AdminServiceClient;
  readonly #address: string;

  constructor({ address, tls }: Connection) {
    // grpc-js writes bare lines to standard error, also about what is told in words here.
    process.env["GRPC_VERBOSITY"] ??= "NONE";
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what proto-loader's generated types are for
    const { weir } = loadPackageDefinition(loadContract()) as unknown as AdminPackage;
    this.service = new weir.v1.AdminService(address, credentialsOf(tls), {
      "grpc.max_receive_message_length": 4 * limits.messageBytesMax,
    });
    this.#address = address;
  }

  /** The answer to a unary call that `start` makes. */
  ask<Response>(start: (service: AdminServiceClient, done: Done<Response>) => unknown) {
    return new Promise<Response>((resolve, reject) => {
      start(this.service, (error, value) => {
        if (error !== null) reject(this.explained(error));
        else if (value !== undefined) resolve(value);
      });
    });
  }

  close(): void {
    this.service.close();
  }

  /** A failed call in words that say what to do next. */
  explained(thrown: unknown): unknown {
    if (!isServiceError(thrown)) return thrown;
    const told = thrown.metadata.get("grpc-status-details-bin").length > 0;
    const at = this.#address;
    if (!told && thrown.code === Status.UNAVAILABLE) {
      const next = "start it (weir start), or say where it is with --address HOST:PORT";
      const tls = "where it speaks TLS, give --tls-ca FILE";
      return new OptionsError(`no server answers at ${at}: ${next}; ${tls}`, 1, thrown);
    }
    if (!told && thrown.code === Status.UNIMPLEMENTED) {
      const why = "it serves no operations on this address (its option admin), or is too old";
      return new OptionsError(`the server at ${at} does not know this: ${why}`, 1, thrown);
    }
    return new OptionsError(thrown.details, 1, thrown);
  }
}

/** Runs `work` with a client that is closed after it. */
export async function withClient<T>(
  connection: Connection,
  work: (client: AdminClient) => Promise<T>,
): Promise<T> {
  const client = new AdminClient(connection);
  try {
    return await work(client);
  } catch (thrown) {
    throw client.explained(thrown);
  } finally {
    client.close();
  }
}

function credentialsOf(tls: Connection["tls"]): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca, tls.own?.key ?? null, tls.own?.cert ?? null);
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && "code" in thrown && "details" in thrown && "metadata" in thrown;
}
