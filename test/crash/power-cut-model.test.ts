import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../bench/statistics.ts";
import { Disk } from "../support/power-cut/disk.ts";
import { whyNoRecorder } from "../support/power-cut/log.ts";
import { Recorder } from "../support/power-cut/record.ts";

const writer = fileURLToPath(new URL("../support/power-cut/plain-writer.ts", import.meta.url));
const missing = whyNoRecorder();

/** Paths with their contents, but for SQLite's shared memory. */
function contents(directory: string, below = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(join(directory, below)).toSorted()) {
    const path = join(below, name);
    if (name.endsWith("-shm")) continue;
    if (statSync(join(directory, path)).isDirectory()) {
      found.set(path, "directory");
      for (const [inner, text] of contents(directory, path)) found.set(inner, text);
    } else found.set(path, readFileSync(join(directory, path), "latin1"));
  }
  return found;
}

/** How many of 300 cuts lose a line that was called durable before them. */
async function cutsThatLose(way: string): Promise<{ lost: number; torn: number }> {
  const recorder = new Recorder();
  try {
    const out = await recorder.run(writer, way);
    const said = out
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    const operations = recorder.operations();
    const random = seededRandom(7);
    let lost = 0;
    let torn = 0;
    for (let cut = 0; cut < 300; cut++) {
      const disk = new Disk(operations);
      disk.advance(Math.floor(random() * (operations.length + 1)));
      const directory = recorder.another();
      torn += disk.write(directory, random).torn;
      const text = contents(directory).get("lines/log") ?? "";
      const durable = said.filter(([, at = "0"]) => BigInt(at) < disk.timeNs);
      if (durable.some(([line = ""]) => !text.includes(`${line.padStart(699, " ")}\n`))) lost++;
    }
    return { lost, torn };
  } finally {
    recorder.remove();
  }
}

describe.skipIf(missing !== undefined)(
  `the recorder and the model of a disk${missing === undefined ? "" : ` (${missing})`}`,
  () => {
    const recorder = missing === undefined ? new Recorder() : undefined;
    afterAll(() => recorder?.remove());

    it("sees everything that a process does below the directory", async () => {
      if (recorder === undefined) return;
      await recorder.run(writer, "all");
      const operations = recorder.operations();
      const disk = new Disk(operations);
      disk.advance(operations.length);
      const copy = recorder.another();
      disk.write(copy);
      const expected = contents(recorder.directory);
      expect([...expected.keys()]).toEqual(
        expect.arrayContaining(["a/x.db-wal", "a/moved", "copy"]),
      );
      expect(contents(copy)).toEqual(expected);
    });

    it("loses nothing that was synced with its name, and tears what was not", async () => {
      const { lost, torn } = await cutsThatLose("well");
      expect(lost).toBe(0);
      expect(torn).toBeGreaterThan(0);
    });

    it.each(["too early", "no name"])("finds a writer that calls lines durable %s", async (way) => {
      expect((await cutsThatLose(way)).lost).toBeGreaterThan(0);
    });
  },
);
