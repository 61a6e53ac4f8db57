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
    include: ["packages/**/*.test.ts", "scripts/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    testTimeout: 30_000,
    // Files run side by side on all cores, and threads of tiny operators that wait for each other cost most of the time.
    // Only npm run test:processors wants more of them.
    env: { OMP_NUM_THREADS: process.env.REDIFF_TEST_THREADS ?? "1" },
  },
});
