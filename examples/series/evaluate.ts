// What windowed features are worth on labelled metrics of NAB (https://github.com/numenta/NAB, MIT), which is not part of Weir: clone it, start a
// server with `npm start -- --config examples/series/weir.yaml`, then:
//
//   npx node examples/series/evaluate.ts PATH/TO/NAB realKnownCause/machine_temperature_system_failure [HOST:PORT]
//
// Every sample is scored before it is learned from. Labelled = inside a window of labels/combined_windows.json.
import { readFileSync } from "node:fs";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { rocAuc } from "../../src/demo/evaluate.ts";
import { trained } from "../trained.ts";

const [folder, series, address = "127.0.0.1:50051"] = process.argv.slice(2);
if (folder === undefined || series === undefined) {
  console.error("which series? evaluate.ts PATH/TO/NAB realKnownCause/nyc_taxi [HOST:PORT]");
  process.exit(2);
}
const includeDirs = [`${import.meta.dirname}/../../proto`];
const files = loadSync(["weir/v1/scoring.proto", "weir/v1/detectors.proto"], { includeDirs });
const { DetectorService, ScoringService } = (loadPackageDefinition(files) as any).weir.v1;
const detectors = new DetectorService(address, credentials.createInsecure());
const scoring = new ScoringService(address, credentials.createInsecure());

const unixMs = (text: string): number => Date.parse(`${text.slice(0, 19).replace(" ", "T")}Z`);
const labels = JSON.parse(readFileSync(`${folder}/labels/combined_windows.json`, "utf8"));
const windows = labels[`${series}.csv`].map((window: string[]) => window.map(unixMs));
const samples = readFileSync(`${folder}/data/${series}.csv`, "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => {
    const [time = "", value = ""] = line.split(",");
    const at = unixMs(time);
    const labelled = windows.some(([from = 0, to = 0]: number[]) => at >= from && at <= to);
    return { at, value: Number(value), label: labelled ? "anomaly" : undefined };
  });
console.log(`${series}: ${samples.length} samples, ${windows.length} labelled stretches\n`);
console.log(
  `${"".padEnd(18)}ROC AUC   labelled among the 1 % highest   stretches with one of them`,
);
for (const name of ["series-plain", "series-windowed"]) {
  await new Promise<void>((done, failed) =>
    detectors.resetDetector({ name }, (error: Error | null) => (error ? failed(error) : done())),
  );
  const scores = await scoreAll(name);
  const scored = samples.flatMap(({ at, label }, i) => {
    const score = scores[i];
    return typeof score === "number" ? [{ at, label, score }] : [];
  });
  const highest = scored.toSorted((a, b) => b.score - a.score).slice(0, scored.length / 100);
  const hits = highest.filter(({ label }) => label !== undefined);
  const found = windows.filter(([from = 0, to = 0]: number[]) =>
    hits.some(({ at }) => at >= from && at <= to),
  );
  const share = `${((100 * hits.length) / highest.length).toFixed(1)} %`;
  console.log(
    `${name.padEnd(18)}${rocAuc(scored).toFixed(3).padEnd(10)}${share.padEnd(34)}${found.length} of ${windows.length}`,
  );
}
detectors.close();
scoring.close();

async function scoreAll(detector: string): Promise<readonly (number | undefined)[]> {
  const scores: (number | undefined)[] = [];
  const stream = scoring.scoreStream();
  let sent = 0;
  const send = (): void => {
    const from = sent;
    sent = Math.min(samples.length, from + 50);
    const events = samples.slice(from, sent).map(({ at, value }) => ({
      key: "machine",
      timeUnixMs: at,
      numbers: { value },
    }));
    stream.write({ requestId: from, request: { detector, events, timeoutMs: 60_000 } });
  };
  send();
  for await (const { requestId, response, error } of stream) {
    if (error) throw new Error(String(error.message));
    for (const [i, { score }] of response.verdicts.entries()) scores[requestId + i] = score;
    if (sent === samples.length) stream.end();
    else await trained(detectors, detector).then(send);
  }
  return scores;
}
