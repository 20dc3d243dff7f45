import { copyPast } from "./copy-past.ts";
import { makeSnapshot } from "./make-snapshot.ts";
import { exportDetector } from "./export-detector.ts";
import type { KeeperDone, KeeperProgress, KeeperRequest, KeeperSetting } from "./protocol.ts";
import { seal } from "./seal.ts";

/** Does a request, however long it takes. Throws what went wrong, in words. */
export function perform(
  setting: KeeperSetting,
  request: KeeperRequest,
  onProgress: (progress: KeeperProgress) => void,
): KeeperDone {
  const { kind: what } = request;
  const tell = (fraction: number, rows: number): void => onProgress({ what, fraction, rows });
  switch (request.kind) {
    case "snapshot":
      return makeSnapshot({ ...setting, until: request.until, onProgress: tell });
    case "seal":
      seal(request.path);
      return { kind: "seal" };
    case "copy":
      copyPast(setting.data, request.backup);
      return { kind: "copy" };
    case "export":
      return exportDetector({ ...setting, ...request, onProgress: tell });
    default:
      return request satisfies never;
  }
}
