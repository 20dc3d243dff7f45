import { existsSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { features } from "../../../src/cli/features.ts";
import { parseFeaturesFlags } from "../../../src/cli/features-flags.ts";
import { OfflineRig, kernelPath } from "../../support/offline.ts";

const rig = new OfflineRig();
afterAll(() => rig.remove());

function terminal() {
  const printed: string[] = [];
  const failed: string[] = [];
  return {
    printed,
    failed,
    print: (text: string) => void printed.push(text),
    error: (text: string) => void failed.push(text),
    interactive: false,
  };
}

const needed = ["--detector=d.yaml", "--in=a.csv", "--out=b.csv"];

describe("the flags of weir features", () => {
  test("have defaults", () => {
    expect(parseFeaturesFlags(needed, "/w")).toEqual({
      detector: "/w/d.yaml",
      name: undefined,
      in: "/w/a.csv",
      out: "/w/b.csv",
      keyColumn: "key",
      timeColumn: "time",
      arrivalColumn: undefined,
      systemActionColumn: undefined,
      eventTimestamp: "event_timestamp",
      createdColumn: "created",
      keep: [],
      delimiter: ",",
      onError: "fail",
      defaulted: false,
      timeliness: false,
      resume: false,
    });
    const given = [...needed, "--keep", "a, b:number,c:d:text", "--delimiter", "\\t", "--resume"];
    expect(parseFeaturesFlags(given, "/w")).toMatchObject({
      keep: [
        { name: "a", type: undefined },
        { name: "b", type: "number" },
        { name: "c:d", type: "text" },
      ],
      delimiter: "\t",
      resume: true,
    });
  });

  test.each([
    [["--in=a.csv", "--out=b.csv"], "--detector is missing: --detector detector.yaml"],
    [["--detector=d", "--in=a.csv", "--out=a.csv"], "--in and --out are the same file"],
    [[...needed, "--keey-column=x"], "no option --keey-column; did you mean --key-column?"],
    [[...needed, "--keep"], "--keep needs a value"],
    [[...needed, "--resume=yes"], "--resume takes no value"],
    [[...needed, "--out=c.csv"], "--out is given twice"],
    [[...needed, "--on-error=ignore"], '--on-error: got "ignore", expected fail or skip'],
    [[...needed, "--delimiter=;;"], 'got ";;", expected one ASCII character'],
    [[...needed, "--keep=a,,b"], "--keep: expected names of columns"],
    [[...needed, "events.csv"], 'unexpected argument "events.csv"'],
  ])("%j", (argv, message) => {
    expect(() => parseFeaturesFlags(argv, "/w")).toThrow(message);
  });
});

describe("weir features", () => {
  test("explains itself", async () => {
    const shown = terminal();
    expect(await dispatch(["features", "--help"], shown)).toBe(0);
    expect(shown.printed.join("\n")).toContain("weir features --detector detector.yaml --in");
    const missing = terminal();
    expect(await dispatch(["features", "--in=a.csv"], missing)).toBe(2);
    expect(missing.failed[0]).toMatch(/^weir: --out is missing.*\nRun "weir features --help"/);
  });

  test("writes what it is asked for, and tells what came of it", async () => {
    writeFileSync(
      rig.path("d.yaml"),
      `inputs: [{ name: amount }]
features:
  - { name: n, aggregate: count, window: { sliding: 1h } }
event_time: { late: refuse }
`,
    );
    writeFileSync(
      rig.path("e.csv"),
      "card;time;amount;label\na;2026-03-01T00:00:00Z;1;x\na;2026-03-01T00:10:00Z;2;y\nb;;3;z\na;2026-02-01;4;w\n",
    );
    const shown = terminal();
    const argv = [
      `--detector=${rig.path("d.yaml")}`,
      `--in=${rig.path("e.csv")}`,
      `--out=${rig.path("f.csv")}`,
      "--key-column=card",
      "--delimiter=;",
      "--keep=label",
      "--timeliness",
      "--event-timestamp=at",
    ];
    await expect(features(argv, shown, kernelPath)).rejects.toThrow(
      "e.csv, line 4: has no time; expected Unix ms or ISO 8601",
    );
    expect(existsSync(rig.path("f.csv"))).toBe(false);
    expect(await features([...argv, "--on-error=skip"], shown, kernelPath)).toBe(0);
    expect(rig.read("f.csv").toString()).toBe(`card,at,created,n,label,timeliness
a,2026-03-01T00:00:00.000Z,2026-03-01T00:00:00.000Z,1,x,on_time
a,2026-03-01T00:10:00.000Z,2026-03-01T00:10:00.000Z,2,y,on_time
a,2026-02-01T00:00:00.000Z,2026-03-01T00:10:00.000Z,,w,late_refused
`);
    expect(shown.printed[0]).toMatch(
      /f\.csv: 3 rows, .*; events from 2026-02-01T00:00:00\.000Z to 2026-03-01T00:10:00\.000Z, 1 keys$/,
    );
    expect(shown.printed.slice(1)).toEqual([
      "1 rows could not be taken and were left out",
      "1 rows came late, 0 from the future; 1 of them were refused by event_time and have no features",
    ]);
  });
});
