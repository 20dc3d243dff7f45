import type { Change } from "./journal.ts";
import { CONTROL_BASE, Status } from "./layout.ts";
import type { ShardExports } from "./module.ts";
import type { Views } from "./region.ts";

/** Tells the kernel of a change, between two batches: the one way, live and in a replay. Status. */
export function applyChange(kernel: ShardExports, views: Views, change: Change): number {
  switch (change.kind) {
    case "create":
      views.f64.set(change.block, CONTROL_BASE >>> 3);
      return kernel.createDetector(change.slot);
    case "configure":
      views.f64.set(change.block, CONTROL_BASE >>> 3);
      return kernel.configureDetector(change.slot);
    case "reset":
      return kernel.resetDetector(change.slot);
    case "delete":
      return kernel.deleteDetector(change.slot);
    case "take":
      kernel.takeTraining();
      kernel.releaseRows(change.handle);
      return Status.OK;
    case "swap": {
      const { handle, model } = change;
      const address = kernel.placeModel(handle, model.length) >>> 0;
      if (address !== 0) views.u8.set(model, address);
      return kernel.swapModel(handle, address);
    }
    case "drop":
      return kernel.dropTraining(change.handle, change.failed ? 1 : 0);
    case "import":
      return importPart(kernel, views, change);
    case "resize":
      return kernel.resize(change.memoryBytes);
    default:
      return change satisfies never;
  }
}

function importPart(
  kernel: ShardExports,
  views: Views,
  { slot, part }: Extract<Change, { kind: "import" }>,
): number {
  const address = kernel.transferAddress() >>> 0;
  if (part.length > kernel.transferBytes() >>> 0) return Status.BAD_CONFIG;
  views.u8.set(part, address);
  return kernel.importState(slot, part.length);
}
