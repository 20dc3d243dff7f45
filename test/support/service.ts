import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { loadOptions, type ResolvedOptions } from "../../src/config/options.ts";
import { startService, type Service } from "../../src/service.ts";

export interface TestService {
  readonly service: Service;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

/** The whole service in this process, on free ports, with data of its own. */
export async function startTestService(
  changes: Partial<ResolvedOptions> = {},
): Promise<TestService> {
  const directory = mkdtempSync(join(tmpdir(), "weir-service-"));
  const argv = ["--grpc=127.0.0.1:0", "--http=127.0.0.1:0", "--threads=1"];
  const options = loadOptions({ argv: [...argv, `--data=${directory}`], env: {}, cwd: directory });
  const service = await startService(
    { ...options, shards: 2, shardMemoryBytes: 256 * 1024 * 1024, ...changes },
    pino({ level: "silent" }),
    process.env["WEIR_TEST_KERNEL"],
  );
  return {
    service,
    url: `http://127.0.0.1:${service.httpPort}`,
    async stop() {
      await service.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
