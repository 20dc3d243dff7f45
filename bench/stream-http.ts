import autocannon from "autocannon";
import { startFastifyEcho, startWeir, type ServerProcess } from "./end-to-end/server.ts";
import type { Scale } from "./options.ts";
import type { StreamHttpReport } from "./results.ts";
import { ratioOf, spreadOf } from "./statistics.ts";

/** Columns of a point, and the detector's configuration, which clients send with every request. */
const columns = 10;
const options = {
  model: "bench",
  backend: "ecod",
  min_samples: 50,
  retrain_interval: 100,
  window_size: 1000,
  threshold: 0.5,
};

/** One point a request; the same on every machine. */
function bodies(): Buffer[] {
  let state = 1;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
  const value = (): number => Math.round((uniform() + uniform() + uniform()) * 1e5) / 1e3;
  return Array.from({ length: 512 }, () => {
    const names = Array.from({ length: columns }, (_, i) => `feature_${i}`);
    const data = Object.fromEntries(names.map((name) => [name, value()]));
    return Buffer.from(JSON.stringify({ ...options, data }));
  });
}

/**
 * LlamaFarm's streaming endpoint on one connection without pipelining, retraining behind it, by turns with a fastify server that only
 * validates the same JSON and answers the same shape.
 */
export async function runStreamHttp(scale: Scale): Promise<StreamHttpReport> {
  const [weir, echo] = await Promise.all([startWeir(), startFastifyEcho()]);
  const requests = bodies().map((body) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  }));
  const measure = async ({ httpPort }: ServerProcess) => {
    const { latency, ...result } = await autocannon({
      url: `http://127.0.0.1:${httpPort}/v1/ml/anomaly/stream`,
      connections: 1,
      duration: Math.max(1, scale.closedMs / 1000),
      requests,
    });
    return { rate: result["2xx"] / result.duration, p99Ms: latency.p99 };
  };
  try {
    // Past the first trainings, and past the first compilations.
    await measure(weir);
    await measure(echo);
    const ours: { rate: number; p99Ms: number }[] = [];
    const theirs: number[] = [];
    for (let pair = 0; pair < scale.pairs; pair++) {
      ours.push(await measure(weir));
      theirs.push((await measure(echo)).rate);
    }
    const rates = ours.map(({ rate }) => rate);
    return {
      requestsPerS: spreadOf(rates),
      echoPerS: spreadOf(theirs),
      ratio: ratioOf(rates, theirs),
      p99Ms: spreadOf(ours.map(({ p99Ms }) => p99Ms)),
    };
  } finally {
    await Promise.all([weir.stop(), echo.stop()]);
  }
}
