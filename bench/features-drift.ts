import { compileModule } from "../src/shard/module.ts";
import { measureDrift } from "../test/laws/features-drift.ts";

/*
 * The error of sliding sums, means and deviations against exact arithmetic after many events far from zero:
 * `node bench/features-drift.ts [events]`, 10,000,000 unless it says otherwise. The smaller one is test/laws/features-drift.test.ts.
 */
const events = Number(process.argv[2] ?? 10_000_000);
const begin = performance.now();
const drift = measureDrift(await compileModule(), events);
console.log(JSON.stringify({ ...drift, seconds: (performance.now() - begin) / 1000 }, null, 2));
