/**
 * A phone leg in a process of its own, with an agent that speaks when its stream starts: the parent stalls this process's event loop and
 * listens, at the other end of the socket, whether that can be heard. Arguments: "bursty" or "live", and the milliseconds of speech.
 */

import { servePhone } from './phone-leg-server.ts';

const [mode = 'bursty', length = '3000'] = process.argv.slice(2);
const total = Number(length);
/** How long the live agent is silent before it speaks: real sessions are connected well before the first word, ms. */
const SILENT_FIRST_MS = 700;

const speech = (ms: number) => new Int16Array(ms * 8).fill(6_000);
const quiet = new Int16Array(80);

const server = await servePhone({
  onCall: ({ leg }) => {
    const began = performance.now();
    let written = 0;
    const pump = () => {
      const elapsed = performance.now() - began;
      if (mode === 'live') {
        // The transport keeps time by itself: after a stall everything that came meanwhile is delivered at once.
        for (; written <= elapsed; written += 10) {
          const talking = written >= SILENT_FIRST_MS && written < SILENT_FIRST_MS + total;
          leg.audio.write({ samples: talking ? speech(10) : quiet, sampleRate: 8000 });
        }
      } else {
        for (; written < total && written <= elapsed * 3; written += 100) {
          leg.audio.write({ samples: speech(100), sampleRate: 8000 });
        }
      }
      setTimeout(pump, 5);
    };
    pump();
  },
});

process.on('message', (ms: number) => {
  const until = performance.now() + ms;
  while (performance.now() < until);
});
process.on('disconnect', () => process.exit(0));
process.send?.(server.url);
