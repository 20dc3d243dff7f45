import type { ResolvedOptions } from "../config/options.ts";
import { version } from "./version.ts";

/** Where the server listens, as it turned out (port 0 = any free one). */
export interface Listening {
  readonly grpcPort: number;
  /** Undefined = off. */
  readonly httpPort: number | undefined;
}

/** What a person at a terminal sees when the server is up. */
export function banner(options: ResolvedOptions, listening: Listening): string {
  const { grpc, http, tls, detectors } = options;
  const names = [...detectors.keys()];
  const listed = names.length === 0 ? "none in the configuration" : names.join(", ").slice(0, 200);
  const secure = tls === undefined ? "" : ` (${tls.clientCa === undefined ? "TLS" : "mutual TLS"})`;
  const lines = [
    "",
    `Weir ${version} is up. Ctrl-C drains and stops it.`,
    "",
    `  gRPC       ${address(grpc.host, listening.grpcPort)}${secure}`,
    `  HTTP       ${http === undefined ? "off" : urlOf(options, listening)}`,
    `  state      ${options.dataDirectory}`,
    `  detectors  ${listed}`,
    "",
  ];
  if (http !== undefined) lines.push(...firstEvent(urlOf(options, listening), options), "");
  return lines.join("\n");
}

function firstEvent(url: string, options: ResolvedOptions): string[] {
  const json = "-H 'content-type: application/json'";
  const [configured] = options.detectors;
  const name = configured?.[0] ?? "first";
  const features = configured?.[1].inputs ?? [{ name: "amount", type: "number" }];
  const feature = features.find(({ type }) => type === "number");
  const event = { key: "card-1", numbers: { [feature?.name ?? "amount"]: 12.5 } };
  const at = `${url}/v1/detectors/${encodeURIComponent(name)}`;
  const create = `  curl -X PUT ${at} ${json} -d '{"inputs": [{"name": "amount"}]}'`;
  const score = `  curl ${at}/score ${json} -d '${quoted({ events: [event] })}'`;
  return configured === undefined
    ? ["Create a detector and send it a first event:", create, score]
    : ["Send a first event:", score];
}

/** JSON inside single quotes of a shell. */
function quoted(value: unknown): string {
  return JSON.stringify(value).replaceAll("'", String.raw`'\''`);
}

function urlOf(options: ResolvedOptions, listening: Listening): string {
  const { host } = options.http ?? options.grpc;
  // A wildcard is no address to connect to.
  const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `http://${address(shown, listening.httpPort ?? 0)}`;
}

function address(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
