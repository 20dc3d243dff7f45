import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { Code } from "../../../src/domain/errors.ts";
import type { Keeping } from "../../../src/state/run-state.ts";
import { StateOperations } from "../../../src/state/state-operations.ts";
import { createDetector } from "../../support/core.ts";
import { startVersions } from "../../support/versions-rig.ts";

const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

/** Of a server with one detector, "live". */
async function started(): Promise<{
  readonly operations: StateOperations;
  readonly keeping: Keeping;
  readonly data: string;
  readonly away: string;
}> {
  const rig = await startVersions();
  const away = mkdtempSync(join(tmpdir(), "weir-operations-"));
  onTestFinished(async () => {
    await rig.close();
    for (const each of [rig.data, away]) rmSync(each, { recursive: true, force: true });
  });
  await createDetector(rig.core, "live", { inputs: [{ name: "amount" }] });
  const { shards, detectors, keeping } = rig.core;
  if (keeping === undefined) throw new Error("nothing is kept");
  const operations = new StateOperations({
    data: rig.data,
    durability: "relaxed",
    shards: 2,
    detectors,
    settled: () => shards.settled,
    keeping,
  });
  return { operations, keeping, data: rig.data, away };
}

test("a disk that is full is told to who asks for a snapshot, a backup or an export", async () => {
  const { operations, keeping, away } = await started();
  vi.spyOn(keeping.keeper, "snapshot").mockRejectedValue(full);
  vi.spyOn(keeping.keeper, "exportDetector").mockRejectedValue(full);
  const refusal = (what: string): object => ({
    code: Code.UNAVAILABLE,
    reason: "DISK_FAILED",
    message: `${what} could not be written: ENOSPC: no space left on device, write: the disk is full: make room on it`,
  });
  await expect(operations.createSnapshot()).rejects.toMatchObject(refusal("the snapshot"));
  await expect(operations.backUp(join(away, "b"), false)).rejects.toMatchObject(
    refusal("the snapshot"),
  );
  const chunks = operations.exportDetector("live");
  await expect(chunks.next()).rejects.toMatchObject(refusal("the export"));
});

test("an export that was cut off or altered is told, without the server's own paths", async () => {
  const { operations, data } = await started();
  const chunks: Uint8Array[] = [];
  for await (const chunk of operations.exportDetector("live")) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  const altered = Buffer.from(whole);
  const middle = whole.length - 20;
  altered[middle] = (altered[middle] ?? 0) ^ 1;
  for (const bytes of [whole.subarray(0, middle), altered]) {
    const sent = (async function* () {
      yield bytes;
    })();
    const refused = await operations.importDetector("copy", sent).catch((error: unknown) => error);
    expect(refused).toMatchObject({ reason: "DAMAGED" });
    expect(String(refused)).toContain("the export is damaged: ");
    expect(String(refused)).not.toContain(data);
  }
});
