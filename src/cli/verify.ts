import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { OptionsError } from "../config/options-error.ts";
import { nearest } from "../config/problems.ts";
import { Screen } from "../demo/screen.ts";
import { compileModule, releaseModulePath } from "../shard/module.ts";
import { verifyState } from "../state/verify/verify.ts";
import type { Finding } from "../state/verify/verify.ts";
import type { Terminal } from "./terminal.ts";

/** `weir verify`: 0 = everything is sound, 1 = something is not, 2 = it was asked in a way that cannot be understood. */
export async function verify(
  argv: readonly string[],
  terminal: Terminal,
  kernelPath: string = releaseModulePath,
): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    terminal.print(verifyHelp);
    return 0;
  }
  const { data, deep } = parseVerifyFlags(argv, process.cwd());
  const screen = new Screen(process.stderr, process.env);
  const module = deep ? await compileModule(kernelPath) : undefined;
  let parts = 0;
  let unsound = 0;
  let notes = 0;
  for (const finding of findings(data, module)) {
    if (finding.note) notes++;
    else parts++;
    if (!finding.sound) unsound++;
    screen.endProgress();
    terminal.print(lineOf(finding));
    screen.progress(finding.progress, finding.what);
  }
  screen.endProgress();
  terminal.print(summaryOf(data, { parts, unsound, notes, deep }));
  return unsound === 0 ? 0 : 1;
}

function* findings(data: string, module: WebAssembly.Module | undefined): Generator<Finding, void> {
  try {
    yield* verifyState({ data, ...(module !== undefined && { deep: module }) });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new OptionsError(error.message, 1, error);
  }
}

function lineOf({ what, sound, note, problem }: Finding): string {
  if (note) return `note     ${what}`;
  return sound ? `sound    ${what}` : `DAMAGED  ${what}: ${problem}`;
}

function summaryOf(
  data: string,
  {
    parts,
    unsound,
    notes,
    deep,
  }: {
    readonly parts: number;
    readonly unsound: number;
    readonly notes: number;
    readonly deep: boolean;
  },
): string {
  if (parts === 0 && notes === 0) {
    return `There is no state in ${data}: a server that keeps nothing (durability none) leaves none, or --data names another directory.`;
  }
  if (unsound > 0) {
    return `${unsound} of ${parts} parts are not sound. A start uses what is sound before them and names what it leaves out; a backup is put in place with weir restore.`;
  }
  const more = deep ? "" : " With --deep the journal is replayed and compared with the snapshots.";
  const beside = notes === 0 ? "" : ` ${notes} beside them ${notes === 1 ? "is" : "are"} not read.`;
  return `${parts === 1 ? "The only part is" : `All ${parts} parts are`} sound.${beside}${more}`;
}

interface VerifyFlags {
  /** Absolute. */
  readonly data: string;
  readonly deep: boolean;
}

/** Throws an OptionsError that names the flag and what is expected. */
export function parseVerifyFlags(argv: readonly string[], cwd: string): VerifyFlags {
  const { tokens } = parseArgs({
    args: [...argv],
    options: { data: { type: "string" }, deep: { type: "boolean" } },
    strict: false,
    tokens: true,
  });
  const directories: string[] = [];
  let deep = false;
  for (const token of tokens) {
    if (token.kind === "positional") directories.push(token.value);
    if (token.kind !== "option") continue;
    if (token.name === "deep") deep = isOn(token.value);
    else if (token.name === "data") directories.push(directoryIn(token));
    else throw unknown(token.rawName);
  }
  const [data = "./.weir", ...more] = directories;
  if (more.length > 0) {
    throw wrong(`expected one directory, got ${directories.join(" and ")}`);
  }
  return { data: resolve(cwd, data), deep };
}

function isOn(value: string | undefined): true {
  if (value === undefined) return true;
  throw wrong("--deep takes no value");
}

function directoryIn({
  value,
  inlineValue,
}: {
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}): string {
  const another = inlineValue !== true && value?.startsWith("--") === true;
  if (value === undefined || value === "" || another) {
    throw wrong("--data needs a value: --data DIR");
  }
  return value;
}

function unknown(written: string): OptionsError {
  const near = nearest(written.replace(/^-+/, ""), ["data", "deep"]);
  return wrong(
    `there is no option ${written}${near === undefined ? "" : `; did you mean --${near}?`}`,
  );
}

function wrong(message: string): OptionsError {
  return new OptionsError(
    `${message}\nRun "weir verify --help" for an example and all options.`,
    2,
  );
}

const verifyHelp = `weir verify [DIR] [--deep]

Reads everything that a server keeps in its data directory and says of each part whether it is as it was written: one line a part, the
path first where something is wrong. Nothing is changed, and a server may be using the directory meanwhile.

  weir verify --data /var/lib/weir
  weir verify /mnt/backup --deep && echo "can be restored"

What is read:
  journal/       every entry of every segment: its checksum, and the chain of checksums from each entry to the next, so that an entry that
                 was altered, removed or put elsewhere is found at its position; what lies behind the last commit of a segment's log;
                 and that it goes as far as it had been on disk (journal/durable)
  snapshots/     every byte of every file
  *.state        states of detectors that are kept in files (exports, versions)
  detectors.json which detectors there are
and whether snapshots and journal go together: that a start finds a sound snapshot and every entry behind it.

Options:
  --data DIR     a server's data directory, or a backup of one (./.weir); also without --data
  --deep         also replays the journal, from its first entry or else from the oldest snapshot, and compares the state with every later
                 snapshot bit for bit. Takes as long as the replay does, and the memory of two shards

The exit status is 0 when everything is sound, 1 when something is not, 2 when the options cannot be understood.
A write that a killed server did not finish is no damage: nobody was told of it. It is shown as a note, and the next start leaves it out.
What a start found damaged and set aside (*.damaged) is a note, too: that start named it in its log, and what is used instead is read
here by itself. Remove it, a journal's with its -wal, when nothing of it is needed any more.
`;
