import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { features } from "../../src/cli/features.ts";
import { cardColumns, cardEvents, kernelPath } from "../support/offline.ts";
import { OfflineRig, toNdjson } from "../support/offline.ts";

const run = promisify(execFile);
const rig = new OfflineRig();
afterAll(() => rig.remove());

const python = process.env["WEIR_PYTHON"] ?? "python3";

function has(module: string): boolean {
  const code = `import importlib.util as u, sys; sys.exit(u.find_spec("${module}") is None)`;
  try {
    execFileSync(python, ["-c", code], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const readAll = {
  pyarrow: `
import json, sys, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
print(json.dumps([str(field.type) for field in table.schema]))
print(json.dumps([[v.timestamp() * 1000 if hasattr(v, "timestamp") else v for v in column.to_pylist()] for column in table.columns]))`,
  polars: `
import json, sys, polars as pl
table = pl.read_parquet(sys.argv[1])
print(json.dumps([str(dtype) for dtype in table.dtypes]))
print(json.dumps([[v.timestamp() * 1000 if hasattr(v, "timestamp") else v for v in column.to_list()] for column in table]))`,
};

const typesOf = {
  pyarrow: { text: "string", time: "timestamp[ms, tz=UTC]", number: "double" },
  polars: { text: "String", time: "Datetime(time_unit='ms', time_zone='UTC')", number: "Float64" },
};

describe.each(["pyarrow", "polars"] as const)("Parquet output", (module) => {
  test.skipIf(!has(module))(
    `is what ${module} reads (skipped where WEIR_PYTHON or python3 does not have it)`,
    async () => {
      writeFileSync(rig.path("events.ndjson"), toNdjson(cardEvents(500, 11)));
      const columns = { ...cardColumns, keep: [{ name: "country", type: undefined }] };
      await rig.derive("events.ndjson", "out.parquet", { columns });
      await rig.derive("events.ndjson", "out.ndjson", { columns });
      const { stdout } = await run(python, ["-c", readAll[module], rig.path("out.parquet")]);
      const [types, values] = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown[][]);
      const { text, time, number } = typesOf[module];
      expect(types).toEqual([text, time, time, ...Array.from({ length: 9 }, () => number), text]);
      const rows = rig.read("out.ndjson").toString().trimEnd().split("\n");
      const expected = rows.map((row) => Object.entries(JSON.parse(row) as object));
      const found = rows.map((_, row) => values?.map((column) => column[row]));
      expect(found).toEqual(
        expected.map((cells) =>
          cells.map(([name, value]: [string, unknown]) =>
            name === "event_timestamp" || name === "created" ? Date.parse(String(value)) : value,
          ),
        ),
      );
    },
  );
});

const hasFeast = has("feast");

test.skipIf(!hasFeast)(
  "Feast's historical features are those of the file (skipped where WEIR_PYTHON or python3 has no feast)",
  async () => {
    const example = fileURLToPath(new URL("../../examples/feast", import.meta.url));
    const store = rig.path("feast");
    cpSync(example, store, { recursive: true });
    mkdirSync(`${store}/data`, { recursive: true });
    const printed: string[] = [];
    const terminal = {
      print: (text: string) => void printed.push(text),
      error: (text: string) => void printed.push(text),
      interactive: false,
    };
    for (const name of ["data/features.parquet", "data/features.csv"]) {
      const argv = [
        `--detector=${store}/detector.yaml`,
        `--in=${store}/payments.csv`,
        `--out=${store}/${name}`,
        "--key-column=card",
        "--keep=is_fraud:number",
      ];
      expect(await features(argv, terminal, kernelPath)).toBe(0);
    }
    expect(printed[0]).toContain("12 rows");
    await run(python, ["training_set.py", "training.csv"], { cwd: store });
    const [head = [], ...joined] = table(`${store}/training.csv`);
    const [written = [], ...rows] = table(`${store}/data/features.csv`);
    expect(joined).toHaveLength(rows.length);
    // By the order of time, as the file is.
    for (const name of head) {
      if (name === "event_timestamp") continue;
      const values = (from: string[][], names: string[]) =>
        from.map((row) => row[names.indexOf(name)] ?? "");
      const found = values(joined, head);
      const expected = values(rows, written);
      if (name === "card") expect(found).toEqual(expected);
      else expect(found.map(Number)).toEqual(expected.map(Number));
    }
    expect(head).toContain("amount_z");
  },
  120_000,
);

function table(path: string): string[][] {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => line.split(","));
}
