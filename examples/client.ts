// Start a server with `npm start`, then: npx node examples/client.ts [HOST:PORT]
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const includeDirs = [`${import.meta.dirname}/../proto`];
const files = loadSync(["weir/v1/scoring.proto", "weir/v1/detectors.proto"], { includeDirs });
const { DetectorService, ScoringService } = (loadPackageDefinition(files) as any).weir.v1;
const server = [process.argv[2] ?? "127.0.0.1:50051", credentials.createInsecure()];

const name = "card-payments-ts";
const trees = { limits: { amount: { low: 0, high: 1000 } } };
const spec = { inputs: [{ name: "amount" }], halfSpaceTrees: trees };
await new Promise((done) => new DetectorService(...server).createDetector({ name, spec }, done));

const stream = new ScoringService(...server).scoreStream();
for (let id = 1; id <= 1000; id++) {
  const amount = id === 1000 ? 900 : 20 + 5 * Math.sin(id); // the last one is far off
  const events = [{ key: "card-1", numbers: { amount } }];
  const request = { detector: name, timeoutMs: 1000, events }; // answered within a second, in any case
  stream.write({ requestId: id, request });
}
stream.end();

for await (const { requestId, response, error } of stream) {
  if (requestId % 100 !== 0) continue;
  const { score, anomaly } = response?.verdicts[0] ?? {};
  console.log(requestId, error?.message ?? score ?? "collecting", anomaly ? "ANOMALY" : "");
}
