import { urlOf } from './api.js';
import { refusalsOf } from './model/refusals.js';

/** How the daemon does: whether it takes new calls, whom it refused, and how late it runs, which is the first thing to grow when it has too much to do. */

/**
 * @typedef {object} Health
 * @property {string} status the daemon's readiness, or "unreachable"
 * @property {number | undefined} loopMs
 * @property {import('./model/refusals.js').Refusals | undefined} refusals
 */

const EVERY_MS = 5_000;
/** A daemon that does not answer in this time is not there, ms. */
const ANSWER_MS = 4_000;
/** The metrics are long; every few looks are enough. */
const LOOKS_A_METRIC = 3;

/** The smoothed delay of the event loop in an exposition of metrics, ms. @param {string} metrics */
export function loopDelayOf(metrics) {
  const [, seconds] = /^voicebridge_event_loop_delay_seconds\{[^}]*stat="smoothed"[^}]*\} (\S+)/m.exec(metrics) ?? [];
  const ms = Number(seconds) * 1_000;
  return Number.isFinite(ms) ? ms : undefined;
}

/**
 * Looks again and again, while somebody sees the page.
 * @param {import('./api.js').Api} api
 * @param {(health: Health) => void} show
 */
export function watchHealth(api, show) {
  /** @type {number | undefined} */
  let loopMs;
  /** @type {Health['refusals']} */
  let refusals;
  let status = 'unreachable';
  let looks = 0;
  const look = async () => {
    if (document.hidden) return;
    status = 'unreachable';
    try {
      // 503 says that no new calls are taken, and why: an answer like any other.
      const signal = AbortSignal.timeout(ANSWER_MS);
      ({ status } = await (await fetch(urlOf('health/ready'), { cache: 'no-store', signal })).json());
    } catch {
      loopMs = undefined;
    }
    show({ status, loopMs, refusals });
    if (status !== 'unreachable' && looks++ % LOOKS_A_METRIC === 0) await measure();
  };
  /** Looks at what is counted and measured. */
  const measure = async () => {
    try {
      const metrics = await (await api.fetch('metrics', { signal: AbortSignal.timeout(ANSWER_MS) })).text();
      loopMs = loopDelayOf(metrics);
      refusals = refusalsOf(metrics);
      show({ status, loopMs, refusals });
    } catch {
      // Who may not see the metrics sees the rest.
    }
  };
  void look();
  setInterval(look, EVERY_MS);
  document.addEventListener('visibilitychange', look);
  return { look, measure };
}
