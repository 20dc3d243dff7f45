import { OptionsError } from "../config/options-error.ts";
import { didYouMean } from "../config/problems.ts";
import { checkConfigFile } from "./check-config.ts";
import { printConfigSchema } from "./config-schema.ts";
import { helpText } from "./help.ts";
import { start } from "./start.ts";
import type { Terminal } from "./terminal.ts";
import { verbs, type Verb } from "./verbs.ts";
import { version } from "../version.ts";

/** Runs the verb that the arguments name; resolves to the exit status. Never rejects. */
export async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(argv, terminal);
  } catch (thrown) {
    if (thrown instanceof OptionsError) {
      terminal.error(`weir: ${thrown.message}`);
      return thrown.exitCode;
    }
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    terminal.error(`weir: unexpected failure\n${text}`);
    return 1;
  }
}

type Run = (argv: readonly string[], terminal: Terminal) => number | Promise<number>;

/** Verbs without a help text of their own. */
const general = {
  start,
  "check-config": checkConfigFile,
  "config-schema": printConfigSchema,
  help: (_argv: readonly string[], terminal: Terminal) => {
    terminal.print(helpText());
    return 0;
  },
  version: (_argv: readonly string[], terminal: Terminal) => {
    terminal.print(version);
    return 0;
  },
} as const satisfies Partial<Record<Verb, Run>>;

/** Loaded when they are needed: help and check-config answer at once. */
const others: Readonly<Record<Exclude<Verb, keyof typeof general>, () => Promise<Run>>> = {
  demo: async () => {
    const { demo } = await import("./demo.ts");
    return (argv) => demo([...argv]);
  },
  features: async () => (await import("./features.ts")).features,
  replay: async () => (await import("./replay.ts")).replay,
  explain: async () => (await import("./explain.ts")).explain,
  verify: async () => (await import("./verify.ts")).verify,
  restore: async () => (await import("./restore.ts")).restore,
  state: async () => (await import("./state.ts")).state,
  snapshot: async () => (await import("./snapshot.ts")).snapshot,
  backup: async () => (await import("./backup.ts")).backup,
  update: async () => (await import("./update.ts")).update,
  versions: async () => (await import("./versions.ts")).versions,
  rollback: async () => (await import("./rollback.ts")).rollback,
  shadow: async () => (await import("./shadow.ts")).shadow,
  export: async () => (await import("./export.ts")).exportDetector,
  import: async () => (await import("./import.ts")).importDetector,
};

function isGeneral(verb: Verb): verb is keyof typeof general {
  return Object.hasOwn(general, verb);
}

async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [first = "start"] = argv;
  const named = !first.startsWith("-");
  const verb = named ? verbOf(first) : "start";
  const rest = argv.slice(named ? 1 : 0);
  const asksHelp = rest.some((argument) => argument === "--help" || argument === "-h");
  if (!isGeneral(verb)) {
    const load = others[verb];
    return (await load())(rest, terminal);
  }
  if (asksHelp) return general.help(rest, terminal);
  if (verb === "start" && rest.some((argument) => argument === "--version" || argument === "-V")) {
    return general.version(rest, terminal);
  }
  return general[verb](rest, terminal);
}

function verbOf(written: string): Verb {
  const verb = verbs.find(({ name }) => name === written);
  if (verb !== undefined) return verb.name;
  const names = verbs.map(({ name }) => name);
  const hint = didYouMean(written, names);
  const expected = hint === "" ? `; expected one of ${names.join(", ")}` : hint;
  throw new OptionsError(`there is no verb ${JSON.stringify(written)}${expected}`, 2);
}
