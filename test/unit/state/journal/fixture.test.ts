import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  inspectTail,
  listSegments,
  readEntries,
  readVoids,
} from "../../../../src/state/journal/segments.ts";
import { WriterRig, journalDirectory, plain } from "../../../support/journal.ts";
import { decodeAnswers, Kind } from "../../../../src/state/journal/entry.ts";
import { fixtureAnswer, fixtureEntries } from "../../../support/journal-fixture.ts";

const fixture = fileURLToPath(new URL("../../../fixtures/state/journal-v1", import.meta.url));

describe("a journal of format 1", () => {
  it("stays readable, and is gone on with", () => {
    const directory = join(journalDirectory(), "journal");
    cpSync(fixture, directory, { recursive: true });
    const segments = listSegments(directory);
    expect(segments.map(({ first, last }) => [first, last])).toEqual([
      [1, 4],
      [5, 8],
    ]);
    expect(segments.map(({ path }) => existsSync(`${path}-wal`))).toEqual([false, true]);
    expect(inspectTail(segments[1]?.path ?? "").droppedBytes).toBe(0);
    const entries = fixtureEntries();
    expect([...readEntries(directory, { after: 0 })].map(plain)).toEqual(entries.map(plain));
    const answers = [...readEntries(directory, { after: 0, kinds: [Kind.ANSWERS] })];
    expect(answers.map(({ body }) => decodeAnswers(body))).toEqual([[fixtureAnswer]]);
    expect(readVoids(directory, 0)).toEqual(new Set([5]));
    const rig = new WriterRig(directory, { first: 9 });
    rig.write(entries.slice(0, 1));
    rig.close();
    expect([...readEntries(directory, { after: 0 })]).toHaveLength(9);
  });
});
