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

/** Verbs without a help text of their own. */
const general: ReadonlySet<Verb> = new Set([
  "start",
  "check-config",
  "config-schema",
  "help",
  "version",
]);

async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [first = "start"] = argv;
  const named = !first.startsWith("-");
  const verb = named ? verbOf(first) : "start";
  const rest = argv.slice(named ? 1 : 0);
  const asksHelp = rest.some((argument) => argument === "--help" || argument === "-h");
  if (asksHelp && general.has(verb)) {
    terminal.print(helpText());
    return 0;
  }
  if (verb === "start" && rest.some((argument) => argument === "--version" || argument === "-V")) {
    terminal.print(version);
    return 0;
  }
  return runVerb(verb, rest, terminal);
}

async function runVerb(verb: Verb, argv: readonly string[], terminal: Terminal): Promise<number> {
  switch (verb) {
    case "start":
      return start(argv, terminal);
    case "demo": {
      const { demo } = await import("./demo.ts");
      return demo([...argv]);
    }
    case "features": {
      const { features } = await import("./features.ts");
      return features(argv, terminal);
    }
    case "replay": {
      const { replay } = await import("./replay.ts");
      return replay(argv, terminal);
    }
    case "explain": {
      const { explain } = await import("./explain.ts");
      return explain(argv, terminal);
    }
    case "verify": {
      const { verify } = await import("./verify.ts");
      return verify(argv, terminal);
    }
    case "restore": {
      const { restore } = await import("./restore.ts");
      return restore(argv, terminal);
    }
    case "state":
    case "snapshot":
    case "backup":
    case "update":
    case "versions":
    case "rollback":
    case "shadow":
    case "export":
    case "import": {
      const { runClientVerb } = await import("./client-verbs.ts");
      return runClientVerb(verb, argv, terminal);
    }
    case "check-config":
      return checkConfigFile(argv, terminal);
    case "config-schema":
      return printConfigSchema(argv, terminal);
    case "help":
    case "version":
      terminal.print(verb === "help" ? helpText() : version);
      return 0;
    default:
      return verb satisfies never;
  }
}

function verbOf(written: string): Verb {
  const verb = verbs.find(({ name }) => name === written);
  if (verb !== undefined) return verb.name;
  const names = verbs.map(({ name }) => name);
  const hint = didYouMean(written, names);
  const expected = hint === "" ? `; expected one of ${names.join(", ")}` : hint;
  throw new OptionsError(`there is no verb ${JSON.stringify(written)}${expected}`, 2);
}
