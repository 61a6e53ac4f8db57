import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@rediff\/torch$/, replacement: fileURLToPath(new URL("packages/torch/src/index.ts", import.meta.url)) },
      { find: /^rediff$/, replacement: fileURLToPath(new URL("packages/rediff/src/index.ts", import.meta.url)) },
    ],
  },
  test: {
    // A native addon and worker_threads do not mix with vitest's thread pool; every file gets a process of its own.
    pool: "forks",
    // By default one core is left to a watching developer, which on two cores halves the speed.
    maxWorkers: "100%",
    include: ["packages/**/*.test.ts", "scripts/**/*.test.ts", "attack/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    // Processes that load libtorch, on machines that do much else.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Files run side by side on all cores, and threads of tiny operators that wait for each other cost most of the time.
    // Only npm run test:processors wants more of them.
    // Which kernels are the fastest on this machine is nothing that a test's numbers may hang on; npm run test:processors
    // has them all.
    // Nor is what somebody has pulled to it: a server would offer that.
    env: {
      HF_HOME: join(tmpdir(), "rediff-tests-have-no-models"),
      OMP_NUM_THREADS: process.env.REDIFF_TEST_THREADS ?? "1",
      REDIFF_KERNELS: process.env.REDIFF_KERNELS ?? "onednn,bfloat16-native,attention-fused",
    },
    // npm run coverage. What docs/testing.md says is not counted: worker threads and processes that tests start.
    coverage: {
      provider: "v8",
      reporter: ["text-summary", "html", "json-summary"],
      include: ["packages/*/src/**/*.ts", "packages/*/src/**/*.tsx", "packages/torch/setup/**/*.mjs", "scripts/*.mjs"],
      exclude: ["**/*.test.ts", "**/testing/**", "**/fixtures/**", "**/*.d.ts"],
      // A test that fails is no reason to have no report.
      reportOnFailure: true,
    },
  },
});
