import { urlOf } from './api.js';

/**
 * How the daemon does: whether it takes new calls, and how late its event loop runs, which is the first thing to grow when it has too much
 * to do.
 */

/** @typedef {{ status: string, loopMs: number | undefined }} Health `status`: the daemon's readiness, or "unreachable" */

const EVERY_MS = 5_000;
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
  let looks = 0;
  const look = async () => {
    if (document.hidden) return;
    let status = 'unreachable';
    try {
      // 503 says that no new calls are taken, and why: an answer like any other.
      ({ status } = await (await fetch(urlOf('health/ready'), { cache: 'no-store' })).json());
    } catch {
      loopMs = undefined;
    }
    show({ status, loopMs });
    if (status === 'unreachable' || looks++ % LOOKS_A_METRIC !== 0) return;
    try {
      loopMs = loopDelayOf(await (await api.fetch('metrics')).text());
      show({ status, loopMs });
    } catch {
      // Who may not see the metrics sees the rest.
    }
  };
  void look();
  setInterval(look, EVERY_MS);
  document.addEventListener('visibilitychange', look);
  return { look };
}
