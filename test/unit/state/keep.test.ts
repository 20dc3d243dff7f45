import { beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import { openState } from "../../../src/state/open-state.ts";
import { keep } from "../../../src/state/run-state.ts";
import { replayShardBytes } from "../../support/replay-rig.ts";
import { DataRig, kernelModule } from "../../support/snapshot-rig.ts";
import { stopWriter } from "../../support/stop-writer.ts";
import { eventually } from "../../support/eventually.ts";

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

test("an aged segment that cannot be ended is told, and ends no server", async () => {
  const rig = new DataRig(module);
  rig.batches(1);
  rig.close();
  const { data } = rig;
  const said: string[] = [];
  const say = (_fields: object, message: string): void => void said.push(message);
  const log = { info: say, warn: say, error: say };
  const state = await openState({
    data,
    module,
    durability: "acknowledged",
    shards: 2,
    shardsGiven: false,
    memoryBytes: replayShardBytes,
    clock: systemClock,
    log,
  });
  const shards = { settled: rig.position, goBack: () => Promise.resolve() };
  const { keeper, guard } = keep(
    state,
    { module, shards },
    {
      data,
      memoryBytes: replayShardBytes,
      settings: {
        durability: "acknowledged",
        snapshotIntervalMs: 0,
        snapshotsKept: 3,
        journalBytesMax: 2 ** 40,
        journalAgeMsMax: -8,
        versionsKept: 3,
      },
      log,
    },
  );
  onTestFinished(async () => {
    guard.close();
    await keeper.close();
    await state.journal.close();
  });
  // It would begin again with another writer.
  guard.close();
  const tell = await stopWriter(state.journal);
  tell();
  await keeper.snapshot();
  await eventually(() => expect(said).toContain("the newest segment could not be ended"));
});
