import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Counter, Gauge } from 'prom-client';
import { delay } from '../call/clock.ts';
import type { RecordingStop } from '../call/events.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { ApiError } from '../http/api-error.ts';
import { opusAvailable } from '../media/opus.ts';
import { RECORDING_ID } from '../recording/files.ts';
import { recordingsApi } from '../recording/http/recordings-api.ts';
import { Recorder } from '../recording/recorder.ts';
import { Studio } from '../recording/studio.ts';
import type { Base, Feature } from './feature.ts';

/** How long a start waits for the folder, ms. */
const OPEN_MS = 10_000;
const DAY_MS = 86_400_000;
/** How often old recordings are looked for, ms. */
const SWEEP_MS = 3_600_000;

/** Recordings of calls. Rejects with CONFIG_INVALID when they are wanted and cannot be had. */
export async function openRecordings(base: Base): Promise<Feature> {
  const { config, log, clock, metrics } = base;
  const { RECORDING: format, RECORDING_CONSENT: consent } = config;
  const dir = resolve(config.RECORDINGS_DIR ?? join(config.DATA_DIR, 'recordings'));
  const minFreeBytes = config.RECORDINGS_MIN_FREE_MB * 1e6;
  const studio = new Studio({ dir, minFreeBytes }, log.child({ part: 'recordings' }));
  if (format !== 'off' && consent === undefined) {
    throw invalid('RECORDING_CONSENT: is not set although RECORDING is on. Say notice, or operator.');
  }
  if (format === 'opus') {
    const opus = opusAvailable();
    if (!opus.ok) throw invalid(`RECORDING: opus cannot be had: ${opus.reason}. Say wav.`);
  }

  // No recording outlives its call's record.
  const ages = [config.RECORDINGS_RETENTION_DAYS, config.RECORDS_RETENTION_DAYS].filter((age) => age > 0);
  const days = ages.length === 0 ? undefined : Math.min(...ages);
  // What was recorded before is there whether calls are recorded now or not: it ages, it is played, it is deleted.
  const sweep = async () => {
    const before = days === undefined ? undefined : clock.wall() - days * DAY_MS;
    const done = await studio.ask({ type: 'sweep', before });
    if (done.repaired + done.deleted > 0) log.info({ ...done }, 'recordings were looked through');
  };
  if (format !== 'off') {
    // A disk that hangs must not keep the daemon from saying so.
    const answered = new AbortController();
    const late = delay(clock, OPEN_MS, answered.signal).then(() => {
      throw new Error(`it did not answer within ${OPEN_MS / 1_000} s`);
    });
    try {
      await Promise.race([sweep(), late]);
    } catch (cause) {
      throw invalid(`RECORDINGS_DIR: ${dir} cannot be used: ${errorMessage(cause)}`, cause);
    } finally {
      late.catch(() => undefined);
      answered.abort();
    }
  } else if (existsSync(dir)) {
    void sweep().catch((err: unknown) => log.warn({ err }, 'recordings could not be looked through'));
  }
  let timer = clock.after(SWEEP_MS, again);
  function again(): void {
    if (existsSync(dir)) {
      void sweep().catch((err: unknown) => log.warn({ err }, 'recordings could not be looked through'));
    }
    timer = clock.after(SWEEP_MS, again);
  }

  const stopped = new Counter({
    name: 'voicebridge_recordings_stopped_total',
    help: 'Recordings that ended, by why; all but call-ended left some of a call unrecorded.',
    labelNames: ['reason'],
    registers: [metrics.registry],
  });
  const recorders = new Map<string, Recorder>();
  new Gauge({
    name: 'voicebridge_recordings_active',
    help: 'Calls that are listened to for their recording.',
    registers: [metrics.registry],
    collect() {
      this.set(recorders.size);
    },
  });

  return {
    observers: [
      {
        onEvent(callId, event) {
          if (event.type === 'call_ended' || event.type === 'call_moved') recorders.delete(callId);
        },
      },
    ],
    tap(info, hooks) {
      if (format === 'off' || consent === undefined || info.recording === false) return undefined;
      if (!RECORDING_ID.test(info.id)) return undefined;
      const recorder = new Recorder({
        callId: info.id,
        format,
        rate: config.RECORDING_RATE,
        consent,
        notice: config.RECORDING_NOTICE,
        studio,
        clock,
        log: log.child({ callId: info.id, part: 'recording' }),
        hooks,
        stopped: (reason: RecordingStop) => stopped.inc({ reason }),
      });
      recorders.set(info.id, recorder);
      return recorder;
    },
    async forget(callIds) {
      // Without the folder there is nothing, and no thread is started to say so.
      if (!existsSync(dir)) return;
      const { busy } = await studio.ask({ type: 'forget', ids: callIds });
      // A call that was taken for lost and goes on: its recording is deleted when it is asked for again.
      if (busy.length > 0) throw new ApiError(409, 'RECORDING_OPEN', 'the call is being recorded');
    },
    install({ http, admin }) {
      http.app.register(recordingsApi, { admin, recordings: studio });
    },
    async close() {
      timer.cancel();
      await studio.close();
    },
  };
}

function invalid(message: string, cause?: unknown): BridgeError {
  return new BridgeError('CONFIG_INVALID', `wrong settings:\n  ${message}`, cause === undefined ? {} : { cause });
}
