import { vi } from 'vitest';

/** How long is waited for what is to come, ms: it is no measure of how soon it comes, which on a busy machine is late. */
export const WAIT_MS = 20_000;

/** Waits until what is expected holds; fails as it does not. */
export const seen = (expected: () => void): Promise<void> => vi.waitFor(expected, { timeout: WAIT_MS, interval: 10 });
