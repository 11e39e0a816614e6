import { describe, expect } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { openRooms } from '../../src/rooms/pool/rooms.ts';
import { RetellServer } from '../../src/simulator/retell/index.ts';
import { fakeLog } from '../fakes/legs.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { loudness } from './loudness.ts';
import { measuredAgain, type Skip } from './measured-again.ts';
import { askAsOperator } from './operator.ts';
import { startRig } from './rig.ts';
import { rigTest as it, type Own } from './rig-test.ts';
import { suiteFolder, wholeRun } from './suite-runs.ts';

/** An agent of Retell's in a room that greets, and gives way: what is measured of that, against a ruler on the tape and against what it was set to. */

const KEY = 'key-of-the-account';
const AGENT = 'agent_0000000000000000000000';
/** What it is set to, ms. */
const GREETS_AFTER_MS = 1_500;
const YIELDS_AFTER_MS = 400;
/** How exactly times are read from a tape, ms: what measures is held to it (test/unit/measure/measure.test.ts). A tone that was decoded rises and fades for some of it. */
const EDGES_MS = 20;
/** What nobody measures of the way there and back, ms: as much as of a latency, a frame by which it hears that it is spoken over, and one in which it falls silent. */
const WAY_MS = 160;

const SUITE = `target: { kind: retell, agent_id: ${AGENT}, transport: livekit }
cases:
  - name: gives way
    steps:
      - interrupt: "tone:440/1200/-16"
        after_ms: 1000
      - wait_for: turn
      - hang_up
    gates: { yielded_count: { min: 1 }, greeting_delay_max_ms: 6000 }
`;

describe.skipIf(noLiveKit !== undefined)('an agent at Retell in a room', () => {
  it(
    'is heard greeting and giving way when it did',
    ({ own, skip }) => measuredAgain({ own, skip }, greetsAndGivesWay),
    240_000,
  );
});

async function greetsAndGivesWay(own: Own, skip: Skip): Promise<void> {
  const { url, apiKey, apiSecret } = own(await startLiveKit());
  const rooms = own(openRooms({ clock: systemClock, log: fakeLog() }));
  await rooms.ready();
  const livekit = { url, apiKey, apiSecret, rooms };
  const talker = {
    greetAfterMs: GREETS_AFTER_MS,
    greetingMs: 6_000,
    yieldAfterMs: YIELDS_AFTER_MS,
    replyAfterMs: 900,
  };
  const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario: { talker }, livekit }));
  const settings = { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url, RETELL_LIVEKIT_URL: url };
  const rig = own(await startRig({ settings: { ...settings, SUITES_DIR: suiteFolder(own, 'x.yaml', SUITE) } }));
  const { run, cases } = await wholeRun(rig, { suite: 'x.yaml' });
  const [one] = cases;
  const measures = one!.measures!;
  const { starved = 0 } = one!.caller!.pace ?? {};
  const asked = await askAsOperator(`${rig.url}/tests/runs/${run.id}/cases/${one!.id}/tape`);
  const { sampleRate, channels } = decodeWav(new Uint8Array(await asked.arrayBuffer()));
  const [caller, agent] = channels.map((samples) => loudness(samples, sampleRate));
  // As the tape has it, on any machine.
  expect(Math.abs(measures.greetingDelayMs! - agent![0]!.from)).toBeLessThanOrEqual(EDGES_MS);
  const [spokenOver] = measures.callerInterruptions;
  expect(spokenOver, JSON.stringify(one!.reasons)).toMatchObject({ step: 0, yielded: true });
  const cutIn = caller![0]!.from;
  const last = agent!.find(({ from, to }) => from < cutIn && to > cutIn)!.to;
  expect(Math.abs(spokenOver!.yieldMs! - (last - cutIn))).toBeLessThanOrEqual(EDGES_MS);
  // As it was set, and the way there and back beside that.
  // As it was at the answer to the words that cut in.
  const [call] = retell.calls;
  const answeredAt = call!.truth.turns[0]?.answerFromMs;
  const heldMs = answeredAt === undefined ? call!.heldMs : call!.heldAt(answeredAt);
  const wayMs = (measures.turns[0]?.pathMs ?? measures.path!.delayMs!) + heldMs;
  const beside = spokenOver!.yieldMs! - YIELDS_AFTER_MS;
  const told = `greeted after ${measures.greetingDelayMs}, gave way after ${spokenOver!.yieldMs}, of the way ${wayMs.toFixed(0)} are measured, ${starved} frames waited for the processor`;
  process.stdout.write(`${told}\n`);
  expect(measures.greetingDelayMs).toBeGreaterThan(GREETS_AFTER_MS / 2);
  expect(beside).toBeGreaterThan(-30);
  const isFar = beside > wayMs + WAY_MS || run.state !== 'passed';
  skip(isFar && starved > 0, told);
  expect(beside).toBeLessThanOrEqual(wayMs + WAY_MS);
  expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: 1 } });
}
