import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: "release", include: ["test/**/*.test.ts"] } },
      {
        // The debug build keeps the kernel's assertions: whatever goes through a whole core runs on it too.
        extends: true,
        test: {
          name: "debug",
          include: [
            "test/integration/{scorer,thread-death,retraining,trainer-death,features-core}.test.ts",
            "test/laws/scoring.test.ts",
          ],
          env: { WEIR_TEST_KERNEL: "build/weir.debug.wasm" },
        },
      },
    ],
  },
});
