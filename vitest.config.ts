import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Every daemon of the tests has threads that load their own modules, and many are processes of their own: with what was compiled kept on disk each
// begins with half the work. The workers, their threads and the processes that tests start inherit it.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/node-compile');

/**
 * Files that measure sound, keys or milliseconds, or hold a browser that plays sound: each has the machine for itself (decision 37). A test that
 * measures in another file stands outside `describe.concurrent`, which keeps its process to itself.
 */
const MEASURED = [
  'agent-measures',
  'bridge-audio',
  'bridge-bad-input',
  'bridge-barge-in',
  'bridge-tools',
  'bridge-workflow',
  'browser-phone',
  'browser-sound',
  'browser-strangers',
  'events',
  'kinds',
  'livekit-agent',
  'livekit-components',
  'livekit-every-call',
  'livekit-heard',
  'livekit-pick',
  'operators-day',
  'phone-leg',
  'provider-agents',
  'records-writer',
  'retell-agent',
  'retell-room-agent',
  'simulator-phone-media',
  'suites-far-ends',
  'suites-latency',
  'suites-many',
  'suites-room',
  'suites-shipped',
  'webhooks-out',
  'webrtc-caller',
  'websocket-agent',
  'whatsapp-aiortc',
  'whatsapp-media',
  'whatsapp-storms',
].map((name) => `test/integration/${name}.test.ts`);

const integration = {
  pool: 'forks',
  // Tests that start whole daemons have their own limits within; this one only ends what hangs.
  testTimeout: 90_000,
  hookTimeout: 60_000,
  // What is asked for over and over is waited for, not measured: it comes late where the machine is busy, as in `until` of the rigs.
  expect: { poll: { timeout: 20_000 } },
} as const;

export default defineConfig({
  test: {
    reporters: ['default', './test/reporter.ts'],
    // The projects follow each other in the order of their groups.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts', 'test/architecture.test.ts'],
          // As the daemon serves it to pages.
          alias: [{ find: '../lib/livekit-client.js', replacement: 'livekit-client' }],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          // Properties are tried over hundreds of cases: on a busy machine that is no sign of a hang.
          testTimeout: 30_000,
          // As in the others: what is asked for over and over is waited for.
          expect: integration.expect,
        },
      },
      {
        extends: true,
        test: {
          ...integration,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: MEASURED,
          // They wait for calls in real time far more than they compute: two files, and five tests of a file that says so, fit on two cores.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...integration,
          name: 'integration-measured',
          include: MEASURED,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
