import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { Code, WeirError } from "../../../src/domain/errors.ts";
import { startFake } from "../../support/grpc.ts";

const directory = mkdtempSync(join(tmpdir(), "weir-client-"));
afterAll(() => rmSync(directory, { recursive: true }));
const tls = fileURLToPath(new URL("../../fixtures/tls/", import.meta.url));

const file = (name: string, text: string | Buffer = ""): string => {
  const path = join(directory, name);
  if (text.length > 0) writeFileSync(path, text);
  return path;
};

let rig: Awaited<ReturnType<typeof startFake>>;
beforeEach(async () => {
  rig = await startFake();
});
afterEach(() => rig.transport.close());

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

async function run(...argv: string[]): Promise<Ran> {
  const out: string[] = [];
  const error: string[] = [];
  const terminal = {
    print: (text: string) => out.push(text),
    error: (text: string) => error.push(text),
    interactive: false,
  };
  const status = await dispatch(argv, terminal);
  return { status, out: out.join("\n"), error: error.join("\n") };
}

const weir = (...argv: string[]): Promise<Ran> => run(...argv, `--address=127.0.0.1:${rig.port}`);

const yaml = "inputs: [{name: amount}]\n";
const config = `detectors:\n  cards: {inputs: [{name: amount}]}\n  other: {inputs: [{name: b}]}\n`;

describe("what a server is asked", () => {
  test("state: as a table, and 1 where it does not learn", async () => {
    const { status, out } = await weir("state");
    expect(status).toBe(1);
    expect(out).toContain("server      NOT LEARNING");
    expect(out).toContain("journal     positions 1 to 9, the last 1 not on disk yet; 4.0 KiB");
    expect(out).toContain("the disk is full");
    expect(out).toContain("9,007,199,254,740,991  2023-11-14 22:13:20 UTC  3 bytes  2 bytes");
    const report = await rig.operations.state();
    rig.operations.state = async () => ({
      ...report,
      position: 5,
      durablePosition: 5,
      oldestPosition: 6,
    });
    expect((await weir("state")).out).toContain("journal     nothing after position 5; 4.0 KiB");
    rig.operations.state = async () => ({
      durability: "none",
      learning: true,
      problem: "",
      position: 0,
      durablePosition: 0,
      oldestPosition: 0,
      journalBytes: 0,
      shards: 1,
      snapshots: [],
    });
    const fine = await weir("state");
    expect(fine.status).toBe(0);
    expect(fine.out).toBe("server      learning\ndurability  none\nshards      1");
  });

  test("snapshot and backup", async () => {
    expect((await weir("snapshot")).out).toContain("9,007,199,254,740,991");
    const { status, out } = await weir("backup", "some/where");
    expect(status).toBe(0);
    expect(out).toContain("holds everything up to position 9,007,199,254,740,991");
    expect((await weir("backup", "/b", "--journal")).out).toContain(", and the journal");
    expect(rig.operations.asked).toEqual([
      "createSnapshot",
      { backUp: join(process.cwd(), "some/where") },
      { backUp: "/b", journal: true },
    ]);
  });

  test("versions and rollback", async () => {
    const { out } = await weir("versions", "cards");
    expect(out.split("\n")).toEqual([
      "version  state    made                     answered              events  began",
      "      2  serving  2023-11-14 22:13:20 UTC  from 2 on  1,099,511,627,776  kept",
      "      1  kept     2023-11-14 22:13:20 UTC  1 to 2     1,099,511,627,776  cold",
    ]);
    await weir("rollback", "cards");
    await weir("rollback", "cards", "--to-version", "3", "--replay");
    expect(rig.operations.asked.slice(1)).toEqual([
      { rollback: "cards", version: 0, replay: false },
      { rollback: "cards", version: 3, replay: true },
    ]);
    const [info] = await rig.operations.versions("cards");
    if (info === undefined) throw new Error("no version");
    const learning = { state: "learning", eventsUntilReady: 1234 } as const;
    rig.operations.rollback = async () => ({ ...info, ...learning });
    const { out: replaying } = await weir("rollback", "cards", "--replay");
    expect(replaying).toBe(
      "cards: the journal is replayed through version 2, about 1,234 events to go; the version that answers does so until then. How far it is: weir versions cards",
    );
  });

  test("update, from a specification and from a configuration", async () => {
    const alone = file("cards.yaml", yaml);
    const { status, out } = await weir("update", alone, "--name=cards");
    expect(status).toBe(0);
    expect(out).toContain(
      "cards: version 2 answers now; it kept the state: 1,099,511,627,776 events learned",
    );
    await weir("update", file("weir.yaml", config), "--name", "cards");
    expect(rig.operations.asked).toHaveLength(2);
    for (const asked of rig.operations.asked) {
      expect(asked).toMatchObject({ update: "cards", config: { inputs: [{ name: "amount" }] } });
    }
    expect((await weir("update", alone)).error).toContain("--name is missing");
    expect((await weir("update", file("weir.yaml"))).error).toContain("2 detectors: cards, other");
  });

  test("a mistake in a specification, by line, and nothing is asked", async () => {
    const wrong = file("wrong.yaml", "inptus: [{name: a}]\n");
    const { status, error } = await weir("update", wrong, "--name=cards");
    expect(status).toBe(1);
    expect(error).toContain(`${wrong}:1:1: inptus: there is no such field; did you mean "inputs"`);
    expect(rig.operations.asked).toEqual([]);
  });

  test("shadows, from start to promotion", async () => {
    const spec = file("next.yaml", yaml);
    const begin = ["shadow", "start", "next", "--of=cards", `--spec=${spec}`];
    expect((await weir(...begin, "--copy-state", "--share=10%")).out).toContain(
      "next shadows cards",
    );
    expect((await weir("shadow", "share", "next", "--share", "0.25")).out).toContain("25 %");
    expect((await weir("shadow", "promote", "next")).out).toContain("cards is what next was");
    expect((await weir("shadow", "stop", "next")).out).toBe("next is gone");
    expect(rig.operations.asked).toMatchObject([
      { start: { name: "next", shadowed: "cards", copyState: true, share: 0.1 } },
      { share: "next", of: 0.25 },
      { promote: "next" },
      { stop: "next" },
    ]);
  });

  test("the report of a shadow, with both distributions", async () => {
    const { out } = await weir("shadow", "report", "next");
    expect(out).toContain("next shadows cards since 2023-11-14 22:13:20 UTC");
    expect(out).toContain("rank correlation        0.930 (Spearman; 1 = the same order)");
    expect(out).toContain("120 of both, 14 only of the live one, 31 only of the shadow");
    expect(out).toContain("0.040 (PSI; small)");
    expect(out).toContain("(1.46x)");
    const bars = out.split("\n").filter((line) => /^\d\.\d /.test(line));
    expect(bars).toHaveLength(10);
    expect(bars[3]).toContain("900,000");
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    rig.operations.shadowReport = async () => ({
      ...(await import("../../support/fake-operations.ts")).aReport,
      rankCorrelation: undefined,
      populationStability: undefined,
      liveRowUs: 0,
      liveScores: Array.from({ length: 20 }, () => 0),
      shadowScores: Array.from({ length: 20 }, () => 0),
    });
    const early = (await weir("shadow", "report", "next")).out;
    expect(early).toContain("rank correlation        too few rows yet");
    expect(early).toContain("no scores yet");
    expect(early).toContain("a row through the step  not measured yet");
  });
});

describe("a detector on its way", () => {
  test("is the same bytes in the file, and at the other server", async () => {
    const parts = Array.from({ length: 5 }, (_, i) => Buffer.alloc(700_000, i + 1));
    rig.operations.exported = parts;
    const to = file("cards.weir");
    const { status, out } = await weir("export", "cards", "--to", to);
    expect([status, out]).toEqual([0, `${to}: cards, 3.3 MiB`]);
    expect(readFileSync(to).equals(Buffer.concat(parts))).toBe(true);
    expect((await weir("import", to, "--name=copy")).out).toContain("cards is there: 0 keys");
    expect(Buffer.concat(rig.operations.imported).equals(Buffer.concat(parts))).toBe(true);
    expect(rig.operations.asked).toEqual([{ export: "cards" }, { import: "copy" }]);
    const again = await weir("export", "cards", "--to", to);
    expect(again).toMatchObject({ status: 1, error: expect.stringContaining("is there already") });
  });

  test("that breaks on its way leaves no file", async () => {
    rig.operations.exportDetector = async function* () {
      yield Buffer.from("half");
      throw new WeirError(Code.FAILED_PRECONDITION, "DAMAGED", "segment 3 is damaged");
    };
    const to = file("half.weir");
    const { status, error } = await weir("export", "cards", "--to", to);
    expect([status, error]).toEqual([1, "weir: segment 3 is damaged"]);
    expect(readdirSync(directory).filter((name) => name.startsWith("half"))).toEqual([]);
  });

  test("that is refused is told, also while it is sent", async () => {
    const large = file("large.weir", Buffer.alloc(20_000_000));
    const taken = new WeirError(Code.ALREADY_EXISTS, "DETECTOR_EXISTS", "cards is there");
    rig.operations.refusal = taken;
    expect(await weir("import", large)).toMatchObject({ status: 1, error: "weir: cards is there" });
    expect((await weir("import", file("none.weir"))).error).toContain("there is no such file");
    expect((await weir("import", directory)).error).toContain("it is no file");
    const nowhere = await weir("export", "cards", "--to", "/nowhere/x.weir");
    expect(nowhere.status).toBe(1);
    expect(existsSync("/nowhere")).toBe(false);
  });
});

describe("what goes wrong is told with what to do next", () => {
  test("no server", async () => {
    const { status, error } = await run("state", "--address=127.0.0.1:1");
    expect(status).toBe(1);
    expect(error).toContain("no server answers at 127.0.0.1:1: start it (weir start), or say");
  });

  test("a server without operations there", async () => {
    const other = await startFake({ withOperations: false });
    const { status, error } = await run("state", `--address=127.0.0.1:${other.port}`);
    other.transport.close();
    expect(status).toBe(1);
    expect(error).toContain("serves no operations on this address (its option admin)");
  });

  test("a refusal of the server, in its words", async () => {
    const why = "the journal cannot be written: the disk is full";
    rig.operations.refusal = new WeirError(Code.UNAVAILABLE, "NOT_LEARNING", why);
    for (const argv of [["snapshot"], ["versions", "cards"], ["shadow", "stop", "s"]]) {
      expect(await weir(...argv)).toEqual({ status: 1, out: "", error: `weir: ${why}` });
    }
  });

  test.each([
    [["versions"], "expected a detector's name, got none"],
    [["versions", "a", "b"], "expected a detector's name, got a b"],
    [["snapshot", "--adress=x:1"], "there is no option --adress; did you mean --address?"],
    [["snapshot", "--address=x"], '--address: got "x", expected HOST:PORT'],
    [["state", "--tls-cert=x"], "--tls-cert and --tls-key go together"],
    [["state", "--tls-ca=/none.pem"], "cannot read the PEM file /none.pem"],
    [["rollback", "c", "--to-version=-1"], '--to-version: got "-1", expected a number'],
    [["rollback", "c", "--replay=yes"], "--replay takes no value"],
    [["export", "c"], "--to is missing: --to c.weir"],
    [["shadow", "strat", "x"], 'there is no action "strat"; did you mean "start"?'],
    [["shadow", "share", "x"], "--share is missing"],
    [["shadow", "share", "x", "--share=11"], '--share: got "11", expected a share of keys'],
    [["shadow", "share", "x", "--share=120%"], '--share: got "120%", expected a share of keys'],
    [["shadow", "start", "x", "--of=c"], "--spec is missing"],
  ])("%j", async (argv, message) => {
    const { status, error } = await run(...argv);
    expect(error).toContain(message);
    expect(status).toBe(message.startsWith("cannot read") ? 1 : 2);
    expect(rig.operations.asked).toEqual([]);
  });

  test.each([
    "state",
    "snapshot",
    "backup",
    "update",
    "versions",
    "rollback",
    "shadow",
    "export",
    "import",
    "restore",
  ])("%s --help teaches with an example", async (verb) => {
    const { status, out } = await run(verb, "--help");
    expect(status).toBe(0);
    expect(out).toMatch(new RegExp(`^weir ${verb} `));
    expect(out).toContain(`\n  weir ${verb}`);
    expect(out).toContain("Options");
  });
});

test("a server that speaks TLS, and asks for a certificate", async () => {
  const pem = (name: string): Buffer => readFileSync(join(tls, name));
  const secure = await startFake({
    tls: { cert: pem("server.pem"), key: pem("server-key.pem"), clientCa: pem("ca.pem") },
  });
  const at = `--address=localhost:${secure.port}`;
  const ca = `--tls-ca=${join(tls, "ca.pem")}`;
  const own = [`--tls-cert=${join(tls, "client.pem")}`, `--tls-key=${join(tls, "client-key.pem")}`];
  expect((await run("snapshot", at, ca, ...own)).status).toBe(0);
  expect((await run("snapshot", at, ca)).status).toBe(1);
  expect((await run("snapshot", at)).error).toContain("give --tls-ca FILE");
  secure.transport.close();
});
