import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dispatch } from "../../../../src/cli/dispatch.ts";
import { parseVerifyFlags, verify } from "../../../../src/cli/verify.ts";
import { builds } from "../../../kernel.ts";
import { DataRig, kernelModule } from "../../../support/snapshot-rig.ts";

function terminal(): {
  readonly lines: string[];
  print(text: string): void;
  error(text: string): void;
  interactive: boolean;
} {
  const lines: string[] = [];
  const add = (text: string): void => void lines.push(text);
  return { lines, print: add, error: add, interactive: false };
}

test("it says what is sound, and exits with 0; what is not, and exits with 1", async () => {
  const rig = new DataRig(await kernelModule());
  rig.batches(2);
  rig.snapshot();
  rig.batches(1);
  const [[, kernel] = ["", ""]] = builds;
  const sound = terminal();
  expect(await verify(["--data", rig.data, "--deep"], sound, kernel)).toBe(0);
  expect(sound.lines.slice(0, -1).every((line) => line.startsWith("sound    "))).toBe(true);
  expect(sound.lines.at(-1)).toBe(`All ${sound.lines.length - 1} parts are sound.`);
  const [name = ""] = readdirSync(join(rig.data, "snapshots"));
  const path = join(rig.data, "snapshots", name, "process.json");
  writeFileSync(path, readFileSync(path).subarray(1));
  const damaged = terminal();
  expect(await dispatch(["verify", `--data=${rig.data}`], damaged)).toBe(1);
  expect(damaged.lines.filter((line) => line.startsWith("DAMAGED"))).toEqual([
    `DAMAGED  snapshots/${name}/process.json: it is not the file that the snapshot was made with`,
  ]);
  expect(damaged.lines.at(-1)).toMatch(/^1 of \d+ parts are not sound\./);
});

test("what a start set aside is told with how to remove it, and is no damage of what is used", async () => {
  const rig = new DataRig(await kernelModule());
  rig.batches(1);
  const aside = join(rig.data, "journal", "00000000000000000097.db.damaged");
  writeFileSync(aside, "");
  const shown = terminal();
  expect(await verify([rig.data], shown)).toBe(0);
  expect(shown.lines.filter((line) => line.startsWith("note     "))).toEqual([
    expect.stringContaining("journal/00000000000000000097.db.damaged: set aside by a start"),
  ]);
  expect(shown.lines.at(-1)).toContain(`All ${shown.lines.length - 2} parts are sound.`);
  expect(shown.lines.at(-1)).toContain(`1 beside them is not read`);
});

test("a directory that is not there, or empty, is told", async () => {
  const lost = terminal();
  expect(await dispatch(["verify", "--data", "/nowhere/at/all"], lost)).toBe(1);
  expect(lost.lines[0]).toContain("there is no directory /nowhere/at/all");
  const file = terminal();
  expect(await dispatch(["verify", import.meta.filename], file)).toBe(1);
  expect(file.lines[0]).toContain(`${import.meta.filename} is a file: give the directory`);
});

test.each([
  [["--dta", "x"], "there is no option --dta; did you mean --data?"],
  [["--data"], "--data needs a value"],
  [["--data", "--deep"], "--data needs a value"],
  [["--data", "a", "--data", "b"], "expected one directory, got a and b"],
  [["a", "b"], "expected one directory, got a and b"],
  [["--deep=1"], "--deep takes no value"],
])("%j is explained", (argv, expected) => {
  expect(() => parseVerifyFlags(argv, "/")).toThrow(expected);
});

test("--help teaches", async () => {
  const shown = terminal();
  expect(await dispatch(["verify", "--help"], shown)).toBe(0);
  expect(shown.lines[0]).toContain("weir verify --data /var/lib/weir");
  expect(parseVerifyFlags(["a", "--deep"], "/b")).toEqual({ data: "/b/a", deep: true });
  expect(parseVerifyFlags([], "/here")).toEqual({ data: "/here/.weir", deep: false });
});
