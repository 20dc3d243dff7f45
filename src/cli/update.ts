import { describeSpec } from "../config/describe-spec.ts";
import type { Detector } from "../domain/detector.ts";
import { hasDetectors, loadAnyDetector } from "../offline/detector-file.ts";
import { readConfigText } from "../config/options.ts";
import type { DetectorSpec } from "../transport/grpc/generated/weir/v1/DetectorSpec.ts";
import type { UpdateDetectorResponse__Output } from "../transport/grpc/generated/weir/v1/UpdateDetectorResponse.ts";
import { withClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, wrong, type ClientUsage } from "./client-flags.ts";
import type { Terminal } from "./terminal.ts";
import { versionLine } from "./versions.ts";

const usage: ClientUsage = {
  verb: "update",
  arguments: ["a file"],
  values: ["name"],
  help: `weir update FILE [--name NAME] [OPTIONS]

Gives a detector of a running server another specification, as a new version. FILE is a configuration file with \`detectors:\`, or one detector's
specification. Where the state fits both, it is kept and the new version answers at once; where it does not, the new one learns beside the old,
which goes on answering until the new one is past its burn-in.

  weir update weir.yaml --name card-payments       # one of the detectors of a configuration file
  weir update cards.yaml --name card-payments      # a specification alone
  weir versions card-payments                      # what came of it

Options:
  --name NAME           which detector; may be left out where FILE has one under \`detectors:\`
${connectionHelp}
`,
};

/** `weir update FILE` */
export async function update(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = parseClientFlags(argv, usage);
  if (flags === undefined) {
    terminal.print(usage.help);
    return 0;
  }
  const [path = ""] = flags.given;
  const found = readSpecFile(path, flags.value("name"));
  const name = flags.value("name") ?? found.name;
  if (name === undefined) {
    throw wrong(usage, `--name is missing: ${path} does not say which detector it is`);
  }
  const { spec } = found;
  const { version } = await withClient(flags.connection, (client) =>
    client.ask<UpdateDetectorResponse__Output>((service, done) =>
      service.UpdateDetector({ name, spec }, done),
    ),
  );
  if (version) terminal.print(versionLine(name, version));
  return 0;
}

/**
 * The specification in a file; of several detectors the one that is named. Its name is undefined where the file is a specification alone.
 * Mistakes are shown by line, as check-config does.
 */
export function readSpecFile(
  path: string,
  name: string | undefined,
): { readonly name: string | undefined; readonly spec: DetectorSpec } {
  const alone = !hasDetectors.test(readConfigText(path, path));
  const detector = loadAnyDetector(path, alone ? undefined : name);
  return { name: alone ? undefined : detector.name, spec: messageOf(detector) };
}

function messageOf({ config }: Detector): DetectorSpec {
  const spec: object = describeSpec(config);
  if (!isMessage(spec)) throw new Error("a specification is an object");
  return spec;
}

/** The canonical JSON of a message is what proto-loader takes for it. */
function isMessage(spec: object): spec is DetectorSpec {
  return "inputs" in spec;
}
