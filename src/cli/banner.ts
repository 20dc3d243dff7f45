import type { ResolvedOptions } from "../config/options.ts";
import type { Detector } from "../domain/detector.ts";
import { version } from "../version.ts";

/** What runs, as it turned out. */
export interface Running {
  readonly grpcPort: number;
  /** Undefined = off. */
  readonly httpPort: number | undefined;
  readonly detectors: readonly Detector[];
}

/** What a person at a terminal sees when the server is up. */
export function banner(options: ResolvedOptions, running: Running): string {
  const { grpc, tls, dataDirectory } = options;
  const names = running.detectors.map(({ name }) => name).join(", ");
  const secure = tls === undefined ? "" : ` (${tls.clientCa === undefined ? "TLS" : "mutual TLS"})`;
  const url = httpUrl(options, running.httpPort);
  const lines = [
    "",
    `Weir ${version} is up. Ctrl-C drains and stops it.`,
    "",
    `  gRPC       ${address(grpc.host, running.grpcPort)}${secure}`,
    `  HTTP       ${url ?? "off"}`,
    `  state      ${dataDirectory}`,
    `  detectors  ${names === "" ? "none yet" : names.slice(0, 200)}`,
    "",
  ];
  if (url !== undefined) lines.push(...firstEvent(url, running.detectors[0]), "");
  return lines.join("\n");
}

const json = "-H 'content-type: application/json'";

function firstEvent(url: string, detector: Detector | undefined): string[] {
  const at = `${url}/v1/detectors/${encodeURIComponent(detector?.name ?? "first")}`;
  const event = detector === undefined ? { numbers: { amount: 12.5 } } : exampleOf(detector);
  const events = [{ key: "card-1", ...event }];
  const score = `  curl ${at}/score ${json} -d '${quoted({ events })}'`;
  if (detector !== undefined) return ["Send it a first event:", score];
  const create = `  curl -X PUT ${at} ${json} -d '{"inputs": [{"name": "amount"}]}'`;
  return ["Create a detector and send it a first event:", create, score];
}

/** An event with the inputs that must be there, and at least one. */
function exampleOf(detector: Detector): object {
  const { numberInputs, categoryInputs, features } = detector;
  const needed = numberInputs.filter(({ missing }) => missing === "refuse");
  const numbers = needed.length > 0 ? needed : features.slice(0, 1);
  const categories = categoryInputs.filter(({ missing }) => missing === "refuse");
  return {
    numbers: Object.fromEntries(numbers.map(({ name }) => [name, 12.5])),
    ...(categories.length === 0
      ? {}
      : { categories: Object.fromEntries(categories.map(({ name }) => [name, "a"])) }),
  };
}

/** JSON inside single quotes of a shell. */
function quoted(value: unknown): string {
  return JSON.stringify(value).replaceAll("'", String.raw`'\''`);
}

function httpUrl({ http }: ResolvedOptions, port: number | undefined): string | undefined {
  if (http === undefined || port === undefined) return undefined;
  // A wildcard is no address to connect to.
  const host = http.host === "0.0.0.0" || http.host === "::" ? "localhost" : http.host;
  return `http://${address(host, port)}`;
}

function address(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
