// Start a server with `npm start`, then: npx node examples/get-features.ts [HOST:PORT]
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const includeDirs = [`${import.meta.dirname}/../proto`];
const protos = ["weir/v1/scoring.proto", "weir/v1/detectors.proto", "weir/v1/features.proto"];
const files = loadSync(protos, { includeDirs, defaults: true });
const { DetectorService, FeatureService, ScoringService } = (loadPackageDefinition(files) as any)
  .weir.v1;
const server = [process.argv[2] ?? "127.0.0.1:50051", credentials.createInsecure()];

function ask(service: any, method: string, request: object): Promise<any> {
  return new Promise((resolve, reject) => {
    service[method](request, (error: unknown, answer: unknown) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

const name = "card-features-ts";
const spec = {
  inputs: [{ name: "amount" }, { name: "merchant", type: "INPUT_TYPE_CATEGORY", rulesOnly: true }],
  features: [
    { name: "payments_1h", aggregate: "AGGREGATE_COUNT", window: { sliding: "1h" } },
    {
      name: "mean_30d",
      of: "amount",
      aggregate: "AGGREGATE_MEAN",
      window: { sliding: "30d" },
      defaultValue: 0,
    },
    {
      name: "merchants_1d",
      of: "merchant",
      aggregate: "AGGREGATE_DISTINCT",
      window: { sliding: "1d" },
    },
  ],
};
await ask(new DetectorService(...server), "createDetector", { name, spec });

const now = Date.now();
const events = Array.from({ length: 10 }, (_, i) => ({
  key: "card-1",
  timeUnixMs: now - (9 - i) * 20 * 60_000, // one payment every 20 minutes, the last one just now
  numbers: { amount: 10 + i },
  categories: { merchant: `m${i % 4}` },
}));
await ask(new ScoringService(...server), "score", { detector: name, events });

const reader = new FeatureService(...server);
for (const [title, timeUnixMs] of [
  ["now", 0],
  ["an hour ago", now - 3_600_000],
]) {
  const request = { detector: name, keys: ["card-1", "card-2"], timeUnixMs };
  const { features, keys } = await ask(reader, "getFeatures", request);
  for (const { key, known, values } of keys) {
    const shown = features.map((feature: string, i: number) => `${feature} ${values[i]}`);
    console.log(`${title}: ${key}${known ? "" : " (unknown)"}: ${shown.join(", ")}`);
  }
}
