/** Keeps the screen on during a call, where the browser lets it: a screen that goes off takes the microphone with it. */
export class Awake {
  /** @type {WakeLockSentinel | undefined} */
  #lock;

  /** Never rejects. @param {AbortSignal} signal aborted: the call is over, maybe before the browser has answered */
  async hold(signal) {
    const lock = await navigator.wakeLock?.request('screen').catch(() => undefined);
    if (signal.aborted) void lock?.release().catch(() => {});
    else this.#lock = lock;
  }

  release() {
    void this.#lock?.release().catch(() => {});
    this.#lock = undefined;
  }
}
