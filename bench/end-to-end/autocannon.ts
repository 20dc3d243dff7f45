import autocannon from "autocannon";
import type { AutocannonReport } from "../results.ts";
import { median, spreadOf } from "../statistics.ts";
import { detectorName, type Bed } from "./bed.ts";
import type { Templates } from "./workload.ts";

/** Saturation over HTTP as autocannon sees it: every connection sends its next request when it has an answer. */
export async function saturateHttp(
  bed: Bed,
  load: { readonly templates: Templates; readonly connections: number },
): Promise<AutocannonReport> {
  const rates: number[] = [];
  const p50: number[] = [];
  const p99: number[] = [];
  const requests = load.templates.messages.map((body) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  }));
  for (let run = 0; run < Math.min(3, bed.scale.pairs); run++) {
    const result = await autocannon({
      url: `http://127.0.0.1:${bed.weir.httpPort}/v1/detectors/${detectorName}/score`,
      connections: load.connections,
      duration: Math.max(1, bed.scale.closedMs / 1000),
      requests,
    });
    rates.push(result["2xx"] / result.duration);
    p50.push(result.latency.p50);
    p99.push(result.latency.p99);
  }
  return { requestsPerS: spreadOf(rates), p50Ms: median(p50), p99Ms: median(p99) };
}
