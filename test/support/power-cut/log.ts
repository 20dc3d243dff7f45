import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

/** One operation on the watched directory, in the order in which they happened. See shim.c. */
export type Operation = { readonly timeNs: bigint; readonly process: number } & (
  | {
      readonly kind: "open";
      readonly fd: number;
      readonly path: string;
      readonly created: boolean;
      readonly truncated: boolean;
      readonly directory: boolean;
    }
  | { readonly kind: "close"; readonly fd: number }
  | { readonly kind: "write"; readonly fd: number; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly fd: number; readonly length: number }
  | { readonly kind: "syncBegin"; readonly fd: number; readonly sync: number }
  | {
      readonly kind: "syncEnd";
      readonly fd: number;
      readonly sync: number;
      readonly failed: boolean;
    }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "link"; readonly path: string; readonly to: string }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "mkdir"; readonly path: string }
  | { readonly kind: "rmdir"; readonly path: string }
);

const HEADER_BYTES = 40;
const CREATED = 1;
const TRUNCATED = 2;
const DIRECTORY = 4;
const FAILED = 8;

/** Why nothing can be recorded here; undefined = it can. */
export function whyNoRecorder(): string | undefined {
  if (process.platform !== "linux")
    return `a recorder is preloaded on Linux, not ${process.platform}`;
  const compiler = spawnSync("cc", ["--version"], { stdio: "ignore" });
  return compiler.status === 0 ? undefined : "there is no C compiler (cc)";
}

/** Compiles the recorder into a folder; returns the path of the library. */
export function compileRecorder(folder: string): string {
  const library = path.join(folder, "recorder.so");
  const source = path.join(import.meta.dirname, "shim.c");
  const flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source];
  execFileSync("cc", [...flags, "-ldl", "-lpthread"], { stdio: ["ignore", "ignore", "inherit"] });
  return library;
}

/** Environment of a process that is recorded. `fault`: while that file exists, writes and syncs fail with EIO. */
export function recordedEnvironment(
  library: string,
  given: { readonly directory: string; readonly log: string; readonly fault?: string },
): Record<string, string> {
  return {
    LD_PRELOAD: library,
    WEIR_POWER_CUT_DIRECTORY: given.directory,
    WEIR_POWER_CUT_LOG: given.log,
    ...(given.fault === undefined ? {} : { WEIR_POWER_CUT_FAULT: given.fault }),
    // Requests to a ring in the kernel would pass the recorder by.
    UV_USE_IO_URING: "0",
  };
}

/** All operations of a log; a record that a kill cut off at its end is left out. */
export function readOperations(log: string): Operation[] {
  const bytes = readFileSync(log);
  const operations: Operation[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const pathBytes = bytes.readUInt16LE(at + 2);
    const secondBytes = bytes.readUInt16LE(at + 4);
    const dataBytes = Number(bytes.readBigUInt64LE(at + 32));
    const end = at + HEADER_BYTES + pathBytes + secondBytes + dataBytes;
    if (end > bytes.length) break;
    operations.push(parse(bytes.subarray(at, end), pathBytes, secondBytes));
    at = end;
  }
  return operations;
}

function parse(record: Buffer, pathBytes: number, secondBytes: number): Operation {
  const flags = record.readUInt8(1);
  const fd = record.readInt32LE(12);
  const offset = Number(record.readBigUInt64LE(24));
  const second = HEADER_BYTES + pathBytes;
  const where = record.toString("utf8", HEADER_BYTES, second);
  const to = record.toString("utf8", second, second + secondBytes);
  const common = { timeNs: record.readBigUInt64LE(16), process: record.readUInt32LE(8) };
  switch (record.readUInt8(0)) {
    case 1:
      return {
        ...common,
        kind: "open",
        fd,
        path: where,
        created: (flags & CREATED) !== 0,
        truncated: (flags & TRUNCATED) !== 0,
        directory: (flags & DIRECTORY) !== 0,
      };
    case 2:
      return { ...common, kind: "close", fd };
    case 3:
      return { ...common, kind: "write", fd, at: offset, bytes: record.subarray(second) };
    case 4:
      return { ...common, kind: "truncate", fd, length: offset };
    case 5:
      return { ...common, kind: "syncBegin", fd, sync: offset };
    case 6:
      return { ...common, kind: "syncEnd", fd, sync: offset, failed: (flags & FAILED) !== 0 };
    case 7:
      return { ...common, kind: "rename", path: where, to };
    case 8:
      return { ...common, kind: "unlink", path: where };
    case 9:
      return { ...common, kind: "mkdir", path: where };
    case 10:
      return { ...common, kind: "rmdir", path: where };
    case 11:
      return { ...common, kind: "link", path: where, to };
    default:
      throw new Error(
        `the recorder saw an operation that the model of a disk lacks: ${where} ${to} (fd ${fd})`,
      );
  }
}
