import type { ResolvedOptions } from "../config/options.ts";
import { OptionsError } from "../config/options-error.ts";

type Listening = Pick<ResolvedOptions, "grpc" | "http" | "dataDirectory">;

/** Why the server did not start, with what to do next where that is known; other errors as they are. */
export function startFailure(thrown: unknown, options: Listening): unknown {
  const code = codeOf(thrown);
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const { address, flag } = listenerOf(text, options);
  switch (code) {
    case "EADDRINUSE":
      return new OptionsError(
        `${address} is in use, perhaps by another weir: stop it, or choose another address with ${flag} HOST:PORT (port 0 = any free one)`,
        1,
        thrown,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new OptionsError(
        `${address} is no address of this machine: choose one with ${flag} HOST:PORT, for example 0.0.0.0:50051`,
        1,
        thrown,
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new OptionsError(`${text}\n${permissionHint(options)}`, 1, thrown);
    case "ENOSPC":
      return new OptionsError(`no space left under ${options.dataDirectory}: ${text}`, 1, thrown);
    case undefined:
    default:
      return thrown;
  }
}

const systemCode = /\b(E[A-Z]{3,}(?:_[A-Z]+)?)\b/;

/**
 * The system's error code, also from inside a cause. grpc-js reports a failed bind only in the text of its error, so there the
 * code is read from the text.
 */
function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if ("code" in thrown && typeof thrown.code === "string") return thrown.code;
  return codeOf(thrown.cause) ?? systemCode.exec(thrown.message)?.[1];
}

function listenerOf(text: string, options: Listening): { address: string; flag: string } {
  const { grpc, http } = options;
  const isHttp = http !== undefined && http.port !== grpc.port && text.includes(`:${http.port}`);
  const { host, port } = isHttp ? http : grpc;
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return { address, flag: isHttp ? "--http" : "--grpc" };
}

function permissionHint(options: Listening): string {
  const low = [options.grpc, options.http].some((listener) => listener && listener.port < 1024);
  const ports = low ? " Ports below 1024 need a privilege: choose a higher one." : "";
  return `The user that runs weir needs to write ${options.dataDirectory}: allow it, or choose another with --data DIR.${ports}`;
}
