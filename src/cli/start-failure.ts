import { join } from "node:path";
import type { ResolvedOptions } from "../config/options.ts";
import { OptionsError } from "../config/options-error.ts";

type Listening = Pick<ResolvedOptions, "admin" | "grpc" | "http">;
type Starting = Listening & Pick<ResolvedOptions, "dataDirectory">;

/** Why the server did not start, with what to do next where that is known; other errors as they are. */
export function startFailure(thrown: unknown, options: Starting): unknown {
  if (isBelow(thrown, options.dataDirectory)) return dataFailure(thrown, options.dataDirectory);
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const next = nextStep(codeOf(thrown), text, options);
  return next === undefined ? thrown : new OptionsError(next, 1, thrown);
}

function nextStep(code: string | undefined, text: string, options: Listening): string | undefined {
  const { address, flag } = listenerOf(text, options);
  const other = `another address with ${flag} HOST:PORT`;
  switch (code) {
    case "EADDRINUSE":
      return `${address} is in use, perhaps by another weir: stop it, or choose ${other} (port 0 = any free one)`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${address} is no address of this machine: choose ${other}, for example 127.0.0.1:50051`;
    case "EACCES":
      if (!text.includes("listen")) return undefined;
      return `${address} needs a privilege that this user has not: choose ${other}, its port 1024 or above`;
    case "ENOENT":
      return text.includes(".wasm") ? `${text}\nBuild it first: npm run build` : undefined;
    case undefined:
    default:
      return undefined;
  }
}

/** Whether the system said no to something in a directory. */
function isBelow(thrown: unknown, directory: string): boolean {
  if (!(thrown instanceof Error) || !("path" in thrown) || !("code" in thrown)) return false;
  const { path } = thrown;
  return path === directory || (typeof path === "string" && path.startsWith(join(directory, "/")));
}

/** Why the data directory cannot be used, with what to do next. */
export function dataFailure(thrown: unknown, directory: string): OptionsError {
  const code = codeOf(thrown);
  const notOne = code === "EEXIST" || code === "ENOTDIR";
  const system = thrown instanceof Error ? thrown.message : String(thrown);
  const text = notOne ? "it, or a part of its path, is a file" : system;
  const next = notOne
    ? "move that file away"
    : (steps.get(code) ?? "let the user that runs weir write it");
  return new OptionsError(
    `cannot use the data directory ${directory}: ${text}\n${next}, or choose another with --data DIR`,
    1,
    thrown,
  );
}

const room = "make room on its disk";
const steps: ReadonlyMap<string | undefined, string> = new Map([
  ["ENOENT", "make the directory that it is in"],
  ["ENAMETOOLONG", "choose a shorter path"],
  ["ELOOP", "mend its links"],
  ["ENOSPC", room],
  ["EDQUOT", room],
  ["EIO", "look at the system's log: the disk fails"],
]);

/** grpc-js reports a failed bind, and a name that it cannot resolve, only in the text of its error. */
const unresolved = "Name resolution failed";
const systemCode = /\b(E[A-Z]{3,}(?:_[A-Z]+)?)\b/;

/** The system's error code, also from inside a cause or a text. */
function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if ("code" in thrown && typeof thrown.code === "string") return thrown.code;
  if (thrown.message.includes(unresolved)) return "ENOTFOUND";
  return codeOf(thrown.cause) ?? systemCode.exec(thrown.message)?.[1];
}

function listenerOf(text: string, options: Listening): { address: string; flag: string } {
  const { admin, grpc, http } = options;
  const others = [
    { flag: "--http", at: http },
    { flag: "--admin", at: admin === "same" ? undefined : admin },
  ];
  for (const { flag, at } of others) {
    if (at === undefined || at.port === grpc.port || !text.includes(`:${at.port}`)) continue;
    return { address: addressText(at), flag };
  }
  return { address: addressText(grpc), flag: "--grpc" };
}

function addressText({ host, port }: ResolvedOptions["grpc"]): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
