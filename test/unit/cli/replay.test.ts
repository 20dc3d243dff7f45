import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OptionsError } from "../../../src/config/options-error.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { parseExplainFlags, parseReplayFlags } from "../../../src/cli/replay-flags.ts";
import { DataRig, kernelModule } from "../../support/snapshot-rig.ts";

function refusal(
  parse: typeof parseReplayFlags | typeof parseExplainFlags,
  ...argv: string[]
): string {
  try {
    parse(argv);
  } catch (thrown) {
    if (thrown instanceof OptionsError && thrown.exitCode === 2) return thrown.message;
    throw thrown;
  }
  throw new Error("it was not refused");
}

test("a backup has no rows to replay, and what to give instead is said", async () => {
  const rig = new DataRig(await kernelModule());
  rig.batches(2);
  rig.snapshot();
  rig.close();
  const said: string[] = [];
  const terminal = {
    print: () => undefined,
    error: (text: string) => said.push(text),
    interactive: false,
  };
  const replayed = (...more: string[]): Promise<number> =>
    dispatch(["replay", "--data", rig.data, "--detector", "d", ...more], terminal);
  expect(await replayed("--to", "@0")).toBe(1);
  expect(said.join("\n")).toContain("the journal has nothing from its beginning to @0:");
  rmSync(join(rig.data, "journal"), { recursive: true });
  expect(await replayed()).toBe(1);
  expect(said.at(-1)).toContain(
    `${rig.data} has no journal, so its past verdicts are not known: it is a backup`,
  );
});

describe("the options of weir replay", () => {
  test("have defaults, and paths as they were given", () => {
    expect(parseReplayFlags(["--detector", "d", "--out", "a.csv", "--report=r.html"])).toEqual({
      data: "./.weir",
      detector: "d",
      from: undefined,
      to: undefined,
      spec: undefined,
      name: undefined,
      cold: false,
      out: "a.csv",
      report: "r.html",
      rowsMax: Number.POSITIVE_INFINITY,
    });
  });

  test.each([
    ["@12345", { position: 12_345 }],
    ["1772323200000", { unixMs: 1_772_323_200_000 }],
    ["2026-03-01", { unixMs: 1_772_323_200_000 }],
    ["2026-03-01T00:00", { unixMs: 1_772_323_200_000 }],
    ["2026-03-01T00:00:00.250", { unixMs: 1_772_323_200_250 }],
    ["2026-03-01T00:00:00Z", { unixMs: 1_772_323_200_000 }],
    ["2026-03-01T02:00:00+02:00", { unixMs: 1_772_323_200_000 }],
  ])("take %s as a place", (written, place) => {
    expect(parseReplayFlags(["--detector", "d", "--from", written]).from).toEqual(place);
  });

  test.each([
    [["--from", "yesterday", "--detector", "d"], '--from: got "yesterday", expected a time'],
    [["--to", "2026-13-45", "--detector", "d"], '--to: got "2026-13-45"'],
    [["--to", "@", "--detector", "d"], '--to: got "@"'],
    [[], "--detector is missing: --detector payments"],
    [["--detektor", "d"], "there is no option --detektor; did you mean --detector?"],
    [["--detector", "d", "--cold=1"], "--cold takes no value"],
    [["--detector", "--cold"], "--detector needs a value"],
    [["--detector", "d", "--detector", "e"], "--detector is given twice"],
    [["--detector", "d", "--rows-max", "0"], '--rows-max: got "0", expected a whole number from 1'],
    [["--detector", "d", "--report", "r.png"], "expected a name that ends in .html"],
    [["--detector", "d", "--name", "x"], "--name chooses one of the detectors of --spec FILE"],
    [["--detector", "d", "--out", "r.html", "--report", "r.html"], "are the same file"],
    [["payments"], 'unexpected argument "payments"'],
  ])("are refused: %j", (argv, why) => {
    const message = refusal(parseReplayFlags, ...argv);
    expect(message).toContain(why);
    expect(message).toContain('Run "weir replay --help"');
  });
});

describe("the options of weir explain", () => {
  test("name an event, or a row", () => {
    expect(parseExplainFlags(["--detector", "d", "--id", "x", "--json"])).toEqual({
      data: "./.weir",
      json: true,
      query: { detector: "d", id: "x", key: undefined },
    });
    const { query } = parseExplainFlags(["--at", "12345:7"]);
    expect(query).toEqual({ position: 12_345, row: 7 });
    expect(parseExplainFlags(["--at", "@12345:7"]).query).toEqual(query);
  });

  test.each([
    [["--detector", "d"], "--id is missing: --id tx-4711 (or --at POSITION:ROW"],
    [["--id", "x"], "--detector is missing"],
    [["--at", "7"], '--at: got "7", expected POSITION:ROW'],
    [["--at", "7:1", "--key", "k"], "--at names one row; leave out --key"],
  ])("are refused: %j", (argv, why) => {
    expect(refusal(parseExplainFlags, ...argv)).toContain(why);
  });
});

test.each(["replay", "explain"])(
  "weir %s has a help text of its own, and teaches without options",
  async (verb) => {
    for (const [argv, expected] of [
      [[verb, "--help"], 0],
      [[verb], 2],
    ] as const) {
      const lines: string[] = [];
      const print = (text: string): void => void lines.push(text);
      expect(await dispatch(argv, { print, error: print, interactive: false })).toBe(expected);
      expect(lines.join("\n")).toContain(`  weir ${verb} --`);
      expect(lines.join("\n")).toContain("Exit status:");
    }
  },
);
