import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: ['default', './test/reporter.ts'],
    // Integration tests hold real time media: two files at once on a small machine would disturb each other's clocks.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts', 'test/architecture.test.ts'],
          // Properties are tried over hundreds of cases: on a busy machine that is no sign of a hang.
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          // Tests that start whole daemons have their own limits within; this one only ends what hangs.
          testTimeout: 90_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
