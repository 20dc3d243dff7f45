import { OptionsError } from "../config/options-error.ts";
import { didYouMean } from "../config/problems.ts";
import type { GetShadowReportResponse__Output } from "../transport/grpc/generated/weir/v1/GetShadowReportResponse.ts";
import type { PromoteShadowResponse__Output } from "../transport/grpc/generated/weir/v1/PromoteShadowResponse.ts";
import type { StartShadowResponse__Output } from "../transport/grpc/generated/weir/v1/StartShadowResponse.ts";
import { withClient } from "./admin-client.ts";
import { connectionHelp, parseClientFlags, wrong, type ClientUsage } from "./client-flags.ts";
import { shadowReportText } from "./shadow-report.ts";
import type { Terminal } from "./terminal.ts";
import { readSpecFile } from "./update.ts";
import { share as shareText } from "./words.ts";

const help = `weir shadow start|report|share|promote|stop ... [OPTIONS]

A shadow is a detector that sees the same rows as a live one, in the same order, and answers nobody: its verdicts are compared with the live
one's. When it is better, it takes the live one's place; a share of keys may try it before.

  weir shadow start next --of card-payments --spec cards.yaml    # a new detector, cold
  weir shadow start next --of card-payments --spec cards.yaml --copy-state
  weir shadow report next                                        # how the two differ
  weir shadow share next --share 10%                             # it answers a tenth of the keys: an A/B test
  weir shadow promote next                                       # it is card-payments now, and the old one its shadow
  weir shadow stop next                                          # remove the shadow and its state

Options of start:
  --of NAME             the live detector
  --spec FILE           a configuration file with \`detectors:\`, or one detector's specification; the same inputs as the live one's
  --name NAME           which of the detectors of such a file, where it has several
  --copy-state          begin with the live one's state, where the specification fits it; else cold
  --share SHARE         of keys that the shadow answers at once (0): 0.1 or 10%
Options:
  --share SHARE         of share
${connectionHelp}
`;

const named = { arguments: ["a shadow's name"], help } as const;
const startUsage: ClientUsage = {
  ...named,
  verb: "shadow start",
  values: ["of", "spec", "name", "share"],
  switches: ["copy-state"],
};
const shareUsage: ClientUsage = { ...named, verb: "shadow share", values: ["share"] };

const actions = {
  start,
  share,
  report: (argv: readonly string[], terminal: Terminal) => {
    return about("report", argv, async ({ client, name }) => {
      const report = await client.ask<GetShadowReportResponse__Output>((service, done) =>
        service.GetShadowReport({ name }, done),
      );
      for (const line of shadowReportText(report)) terminal.print(line);
    });
  },
  promote: (argv: readonly string[], terminal: Terminal) => {
    return about("promote", argv, async ({ client, name }) => {
      const { detector } = await client.ask<PromoteShadowResponse__Output>((service, done) =>
        service.PromoteShadow({ name }, done),
      );
      terminal.print(
        `${detector?.name ?? ""} is what ${name} was; ${name} is the old one, as its shadow. Back again: weir shadow promote ${name}`,
      );
    });
  },
  stop: (argv: readonly string[], terminal: Terminal) => {
    return about("stop", argv, async ({ client, name }) => {
      await client.ask((service, done) => service.StopShadow({ name }, done));
      terminal.print(`${name} is gone`);
    });
  },
} as const;

/** `weir shadow start|report|share|promote|stop` */
export async function shadow(argv: readonly string[], terminal: Terminal): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h") || argv.length === 0) {
    terminal.print(help);
    return argv.length === 0 ? 2 : 0;
  }
  const [written = "", ...rest] = argv;
  const names = Object.keys(actions);
  if (!isAction(written)) {
    const hint = didYouMean(written, names);
    const expected = hint === "" ? `; expected one of ${names.join(", ")}` : hint;
    const what = written.startsWith("-")
      ? `the action is missing before ${written}`
      : `there is no action ${JSON.stringify(written)}`;
    throw new OptionsError(`shadow: ${what}${expected}`, 2);
  }
  await actions[written](rest, terminal);
  return 0;
}

function isAction(written: string): written is keyof typeof actions {
  return Object.hasOwn(actions, written);
}

async function start(argv: readonly string[], terminal: Terminal): Promise<void> {
  const flags = parseClientFlags(argv, startUsage);
  if (flags === undefined) return;
  const [name = ""] = flags.given;
  const shadowed = flags.needed("of", "card-payments");
  const file = flags.needed("spec", "cards.yaml");
  const { spec } = readSpecFile(file, flags.value("name"));
  const asked = {
    name,
    shadowed,
    spec,
    copyState: flags.on("copy-state"),
    share: flags.share() ?? 0,
  };
  const { detector } = await withClient(flags.connection, (client) =>
    client.ask<StartShadowResponse__Output>((service, done) => service.StartShadow(asked, done)),
  );
  const made = detector?.name ?? name;
  terminal.print(`${made} shadows ${shadowed}; see how it does with weir shadow report ${made}`);
}

async function share(argv: readonly string[], terminal: Terminal): Promise<void> {
  const flags = parseClientFlags(argv, shareUsage);
  if (flags === undefined) return;
  const [name = ""] = flags.given;
  const of = flags.share();
  if (of === undefined) throw wrong(shareUsage, "--share is missing: --share 10%");
  await withClient(flags.connection, (client) =>
    client.ask((service, done) => service.SetShadowShare({ name, share: of }, done)),
  );
  terminal.print(`${name} answers ${shareText(of)} of the keys from now on`);
}

interface About {
  readonly client: Parameters<Parameters<typeof withClient>[1]>[0];
  readonly name: string;
}

/** An action that takes a shadow's name and nothing else. */
async function about(
  action: string,
  argv: readonly string[],
  work: (about: About) => Promise<void>,
): Promise<void> {
  const flags = parseClientFlags(argv, { ...named, verb: `shadow ${action}` });
  if (flags === undefined) return;
  const [name = ""] = flags.given;
  await withClient(flags.connection, (client) => work({ client, name }));
}
