import { ABI_VERSION } from "../../shard/layout.ts";
import { version } from "../../version.ts";
import { SNAPSHOT_FORMAT, SnapshotOfOtherVersion } from "./format.ts";

/** What to do about a file that is not of this version. */
export const inDataDirectory =
  "use that version for this data directory, or let it export its detectors (weir export) and import them here";

/** Throws SnapshotOfOtherVersion for what is in another format, or of another kernel. */
export function refuseOtherVersion(
  path: string,
  written: Readonly<Record<string, unknown>>,
  then: string,
): void {
  const { format, kernelAbi } = written;
  const by = `${path} was written by Weir ${String(written["version"])}`;
  if (format !== SNAPSHOT_FORMAT) {
    throw new SnapshotOfOtherVersion(
      path,
      `${by} in format ${String(format)}; this is Weir ${version}, which reads format ${SNAPSHOT_FORMAT}: ${then}`,
    );
  }
  if (kernelAbi !== ABI_VERSION) {
    throw new SnapshotOfOtherVersion(
      path,
      `${by} and holds the memory of its kernel (ABI ${String(kernelAbi)}); this is Weir ${version} with ABI ${ABI_VERSION}: ${then}`,
    );
  }
}
