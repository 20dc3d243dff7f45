// What windowed features are worth. Start a server with `npm start -- --config examples/cards/weir.yaml`, then:
//
//   npx node examples/cards/evaluate.ts [HOST:PORT]
//
// Sends the same made-up card payments, in the order of time, to a detector that sees only the payment and to one with windowed features.
// Every payment is scored before it is learned from, so all of them test the model (prequential evaluation).
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { cardPayments, fraudPatterns } from "../../src/demo/card-payments.ts";
import { rocAuc } from "../../src/demo/evaluate.ts";
import { trained } from "../trained.ts";
import { made } from "./payments.ts";

const address = process.argv[2] ?? "127.0.0.1:50051";
const includeDirs = [`${import.meta.dirname}/../../proto`];
const files = loadSync(["weir/v1/scoring.proto", "weir/v1/detectors.proto"], { includeDirs });
const { DetectorService, ScoringService } = (loadPackageDefinition(files) as any).weir.v1;
const detectors = new DetectorService(address, credentials.createInsecure());
const scoring = new ScoringService(address, credentials.createInsecure());

const payments = cardPayments(made);
const frauds = payments.filter(({ fraud }) => fraud !== undefined).length;
console.log(`${payments.length} payments of ${made.cards} cards, ${frauds} of them fraud\n`);

const kinds = ["plain", "windowed"] as const;
const results = [];
for (const kind of kinds) results.push({ kind, ...(await evaluate(kind)) });

const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
const line = (what: string, values: readonly string[]): void =>
  console.log(what.padEnd(34), ...values.map((value) => value.padStart(12)));
line("", kinds);
line(
  "ROC AUC",
  results.map(({ auc }) => auc.toFixed(4)),
);
line(
  "precision at 1 % alerts",
  results.map(({ precision }) => share(precision)),
);
line(
  "frauds found at 1 % alerts",
  results.map(({ found }) => share(found)),
);
for (const pattern of fraudPatterns) {
  line(
    `  ${pattern}`,
    results.map(({ byPattern }) => share(byPattern.get(pattern) ?? NaN)),
  );
}
detectors.close();
scoring.close();

async function evaluate(kind: (typeof kinds)[number]) {
  const name = `cards-${kind}`;
  await new Promise<void>((done, failed) =>
    detectors.resetDetector({ name }, (error: Error | null) => (error ? failed(error) : done())),
  );
  const scores: (number | undefined)[] = [];
  const stream = scoring.scoreStream();
  let sent = 0;
  const send = (): void => {
    const from = sent;
    if (from >= payments.length) return;
    sent = Math.min(payments.length, from + 100);
    const events = payments.slice(from, sent).map((payment) => ({
      key: payment.card,
      timeUnixMs: payment.timeUnixMs,
      numbers: {
        amount: payment.amount,
        km_from_home: Math.expm1(payment.numbers.km_from_home),
        hour: payment.numbers.hour,
      },
      categories: { merchant: payment.merchant },
    }));
    stream.write({ requestId: from, request: { detector: name, events, timeoutMs: 60_000 } });
  };
  send();
  for await (const { requestId, response, error } of stream) {
    if (error) throw new Error(String(error.message));
    for (const [i, { score }] of response.verdicts.entries()) scores[requestId + i] = score;
    if (requestId + response.verdicts.length >= payments.length) stream.end();
    else await trained(detectors, name).then(send);
  }
  return measure(scores);
}

function measure(scores: readonly (number | undefined)[]) {
  const scored = payments.flatMap(({ fraud }, i) => {
    const score = scores[i];
    return score === undefined || score === null ? [] : [{ label: fraud, score }];
  });
  const alerts = scored.toSorted((a, b) => b.score - a.score).slice(0, scored.length / 100);
  const hits = alerts.filter(({ label }) => label !== undefined);
  const all = scored.filter(({ label }) => label !== undefined);
  return {
    auc: rocAuc(scored),
    precision: hits.length / alerts.length,
    found: hits.length / all.length,
    byPattern: new Map(
      fraudPatterns.map((pattern) => [
        pattern,
        hits.filter(({ label }) => label === pattern).length /
          all.filter(({ label }) => label === pattern).length,
      ]),
    ),
  };
}
