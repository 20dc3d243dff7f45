import { limits } from "../config/limits.ts";
import { isKind, kinds } from "../models/kinds.ts";
import type { Kind } from "../models/kinds.ts";

const extension = ".weir";
const versionSuffix = /_\d{8}_\d{6}$/;
const latestSuffix = "-latest";
/** What would leave the directory, or could not be typed. */
const unsafe = /[/\\]|\.\.|\p{Cc}/u;

/** Whether a model may be called so: its name becomes part of a file's. */
export function isModelName(name: string): boolean {
  return (
    name !== "" &&
    name.isWellFormed() &&
    Buffer.byteLength(name) <= limits.modelNameBytesMax &&
    !unsafe.test(name)
  );
}

export function fileNameOf(name: string, kind: Kind): string {
  return `${name}_${kind}${extension}`;
}

/** Name and kind of a model by its file's name; undefined = no model's file is called so. */
export function parseFileName(
  fileName: string,
): { readonly name: string; readonly kind: Kind } | undefined {
  if (!fileName.endsWith(extension)) return undefined;
  const stem = fileName.slice(0, -extension.length);
  const kind = Object.keys(kinds).find((each) => stem.endsWith(`_${each}`));
  if (kind === undefined || !isKind(kind)) return undefined;
  const name = stem.slice(0, -kind.length - 1);
  return isModelName(name) ? { name, kind } : undefined;
}

/** `name_YYYYMMDD_HHMMSS`, UTC. */
export function versionedName(name: string, unixMs: number): string {
  const [date = "", time = ""] = new Date(unixMs).toISOString().split("T");
  return `${name}_${date.replaceAll("-", "")}_${time.slice(0, 8).replaceAll(":", "")}`;
}

/** A name without its version. */
export function baseNameOf(name: string): string {
  return name.replace(versionSuffix, "");
}

export function isVersioned(name: string): boolean {
  return versionSuffix.test(name);
}

/** Of `name-latest` the name; undefined = that is not what it asks for. */
export function latestOf(name: string): string | undefined {
  return name.endsWith(latestSuffix) ? name.slice(0, -latestSuffix.length) : undefined;
}
