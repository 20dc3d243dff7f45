import { runLevels } from "./durability/levels.ts";
import { runRecovery } from "./durability/recovery.ts";
import { runSnapshot, runWhileSnapshot } from "./durability/snapshots.ts";
import { runSwaps } from "./durability/swaps.ts";
import { scales, type Scale } from "./options.ts";
import type { DurabilityReport } from "./results.ts";

/**
 * What it costs that nothing acknowledged is lost: the levels of durability side by side, snapshots, swaps of versions, and how fast a killed server is back. On the
 * disk of the system's temporary folder: TMPDIR names another.
 */
export async function runDurability(scale: Scale): Promise<DurabilityReport> {
  const levels = await runLevels(scale);
  const snapshot = await runSnapshot(scale);
  const whileSnapshot = await runWhileSnapshot(scale);
  const swaps = await runSwaps(scale);
  return { ...levels, snapshot, whileSnapshot, swaps, ...(await runRecovery(scale)) };
}

if (import.meta.main) {
  const name = process.argv[2] ?? "quick";
  const scale = Object.values(scales).find((one) => one.name === name);
  if (scale === undefined) throw new Error(`${name}: full, quick or tiny`);
  process.stdout.write(`${JSON.stringify(await runDurability(scale), undefined, 2)}\n`);
}
