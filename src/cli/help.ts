import { optionTable } from "../config/option-table.ts";
import { verbGroups, verbs } from "./verbs.ts";

/** What `weir --help` prints. */
export function helpText(): string {
  const verbWidth = Math.max(...verbs.map(({ usage }) => usage.length));
  const groups = verbGroups.map(({ title, verbs: group }) => {
    const lines = group.map(({ usage, help }) => `  ${usage.padEnd(verbWidth)}  ${help}`);
    return `${title}:\n${lines.join("\n")}`;
  });
  return `Weir scores streams of events for anomalies and fraud: events in over gRPC or HTTP,
scores from models that learn online, an answer within every deadline.

Usage: weir [VERB] [OPTIONS]        (in a clone: npm start -- [OPTIONS])

${groups.join("\n\n")}

Options of start, each also in the environment and in the configuration file (flag over environment over file):
${optionLines().join("\n")}

Examples:
  weir                                            # gRPC on 127.0.0.1:50051, HTTP on 127.0.0.1:14345
  weir --config weir.yaml --grpc 0.0.0.0:50051    # your detectors, open to the network
  WEIR_HTTP=off weir --data /var/lib/weir         # gRPC alone, state elsewhere

Where to look next:
  weir demo                        # a labelled stream, what was found in it, and how fast
  examples/weir.yaml               # every option of the file, with comments
  http://127.0.0.1:14345/          # the running server: API, detectors, statistics, metrics
  README.md, ARCHITECTURE.md       # what it is, and why it is built like this
`;
}

function optionLines(): string[] {
  const entries = [
    {
      flag: "config",
      value: "FILE",
      env: "WEIR_CONFIG",
      help: "configuration file, YAML",
      default: "none",
    },
    ...optionTable,
  ];
  const rows = entries.map((entry) => ({
    option: `--${entry.flag} ${entry.value}`,
    env: entry.env,
    help: `${entry.help} (${entry.default})`,
  }));
  const optionWidth = Math.max(...rows.map(({ option }) => option.length));
  const envWidth = Math.max(...rows.map(({ env }) => env.length));
  return rows.map(
    ({ option, env, help }) => `  ${option.padEnd(optionWidth)}  ${env.padEnd(envWidth)}  ${help}`,
  );
}
