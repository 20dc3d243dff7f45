import { OptionsError } from "../config/options-error.ts";
import { Screen } from "../demo/screen.ts";
import { explainIn, type Explained, type PastVerdict } from "../report/explain-verdict.ts";
import { compileModule, releaseModulePath } from "../shard/module.ts";
import { openStateSource } from "../state/replay/source.ts";
import { explainedJson, explainedLines } from "./explain-text.ts";
import { checkJournal, reading } from "./replay-failure.ts";
import { parseExplainFlags } from "./replay-flags.ts";
import { explainHelp } from "./replay-help.ts";
import type { Terminal } from "./terminal.ts";

/** `weir explain`: 0, 1 = there is no such row, 3 = the model says something else now. */
export async function explain(
  argv: readonly string[],
  terminal: Terminal,
  kernelPath: string = releaseModulePath,
): Promise<number> {
  if (argv.length === 0 || argv.includes("--help") || argv.includes("-h")) {
    terminal.print(explainHelp);
    return argv.length === 0 ? 2 : 0;
  }
  const { data, json, query } = parseExplainFlags(argv);
  const module = await compileModule(kernelPath);
  const explained = reading(() => look(data, module, query));
  if (explained === undefined) throw notFound(data, query);
  if (json) terminal.print(JSON.stringify(explainedJson(explained), undefined, 2));
  else for (const line of explainedLines(explained)) terminal.print(line);
  return explained.differences.length === 0 ? 0 : 3;
}

/** With progress on a terminal. */
function look(data: string, module: WebAssembly.Module, query: PastVerdict): Explained | undefined {
  const source = openStateSource(data);
  checkJournal(data, source);
  const screen = new Screen(process.stderr, process.env);
  const { first, last } = source;
  const all = Math.max(1, last - first);
  try {
    return explainIn(source, module, query, {
      onProgress: (what, position) => {
        if (!process.stderr.isTTY) return;
        const done = (what === "looking" ? last - position : position - first) / all;
        screen.progress(done, what === "looking" ? "looking for the id" : "stepping up to the row");
      },
    });
  } finally {
    screen.endProgress();
  }
}

function notFound(data: string, query: PastVerdict): OptionsError {
  if ("position" in query) {
    return new OptionsError(
      `there is no row ${query.position}:${query.row} in ${data}: it is not an entry with rows, has fewer rows, was left out because its step failed, or is not kept any more; weir replay --out names the rows that there are`,
      1,
    );
  }
  const key = query.key === undefined ? "" : ` of the key ${JSON.stringify(query.key)}`;
  return new OptionsError(
    `no row of the detector ${JSON.stringify(query.detector)} has the id ${JSON.stringify(query.id)}${key} in what ${data} keeps: check --detector, --id and --key; older rows may have left the journal (journal_max_mb, journal_max_age_hours)`,
    1,
  );
}
