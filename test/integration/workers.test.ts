import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBySocket } from './events-reader.ts';
import { LISTEN_RATE, listen } from './listener.ts';
import { askAsOperator } from './operator.ts';
import { asked, sleep, until } from './rig.ts';
import { startWorkers, type Workers } from './workers-rig.ts';

/** One port, several processes, each with calls of its own: with real sockets and real deaths. */

interface Listed {
  readonly calls: ReadonlyArray<{ readonly id: string }>;
  readonly unreachable?: readonly string[];
}

let daemon: Workers;
// Three processes that start one after the other take their time where others are busy, too.
beforeAll(async () => {
  // Its callers say nothing, for as long as processes take to start.
  daemon = await startWorkers({ SILENCE_SECONDS: '0' });
}, 120_000);
afterAll(() => daemon?.close());

/** Sends these pieces a moment apart on one connection; resolves to all that comes back until its end. */
async function raw(...pieces: readonly string[]): Promise<string> {
  const socket = connect(daemon.port, '127.0.0.1').setNoDelay(true);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  await once(socket, 'connect');
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    await sleep(60);
  }
  if (!socket.closed) await once(socket, 'close');
  return answer;
}

/** He hangs up when the agent is heard on the stream that he has, and is heard himself. */
async function heardAndOver({ phone }: ReturnType<Workers['call']>): Promise<void> {
  const talks = () => phone.stream?.ear.lastLoudMs !== undefined && phone.stream.stats.framesSent > 0;
  await until(talks, 'audio both ways', 20_000);
  phone.hangUp();
}

const workersOfCalls = () => daemon.lines('both ends are on the line').map(({ worker }) => worker);
/** How many ended calls each of these processes had. */
const counts = (names: readonly unknown[]) =>
  [...new Set(names)].map((name) => names.filter((one) => one === name).length).sort((a, b) => b - a);

describe('two processes behind one port', () => {
  it('share the calls evenly, each stream at the process that prepared its call, and one record each', async () => {
    const calls = Array.from({ length: 8 }, () => daemon.call({ hangUpAfterMs: 30_000 }));
    await until(() => workersOfCalls().length === 8, 'all are on the line', 20_000);
    expect(counts(workersOfCalls())).toEqual([4, 4]);
    expect(await daemon.metric('voicebridge_workers_connections_total{to="named"}')).toBe(8);
    expect(await daemon.metric('voicebridge_calls_active')).toBe(8);
    expect(await daemon.metric('voicebridge_ready{status="ok"}')).toBe(1);
    // What each has to do it tells from time to time.
    await asked(async () => (await daemon.health()).activeSessions === 8, 'all are counted');
    expect(await daemon.health()).toMatchObject({ status: 'ok', activeSessions: 8 });
    await Promise.all(calls.map(heardAndOver));
    const reports = await Promise.all(calls.map(({ report }) => report));
    expect(reports.filter(({ ok }) => ok).length).toBe(8);
    await until(() => daemon.records().filter(({ ends }) => ends === 1).length === 8, 'all are recorded');
    expect(counts(daemon.records().map(({ instance }) => instance))).toEqual([4, 4]);
    // Both have one store, and each call is counted once, whichever is asked.
    for (let n = 0; n < 4; n++) {
      const overview = await askAsOperator(`${daemon.url}/records/overview`);
      expect(await overview.json()).toMatchObject({ totals: { calls: 8 } });
    }
    // Each counter is of both processes together.
    expect(await daemon.metric('voicebridge_calls_started_total{direction="inbound"}')).not.toBe(0);
    expect(await daemon.metric('voicebridge_http_events_total{event="call_prepared"}')).toBe(8);
  });

  it('let an operator listen to a call of either, whichever his socket comes to', async () => {
    const before = workersOfCalls().length;
    const calls = Array.from({ length: 2 }, () => daemon.call({ hangUpAfterMs: 60_000 }));
    await until(() => workersOfCalls().length === before + 2, 'both are on the line', 20_000);
    const url = `http://127.0.0.1:${daemon.port}`;
    // A process that has no time to answer is named, and its calls are missing then.
    const list = await asked(async () => {
      const told = (await (await askAsOperator(`${url}/calls`)).json()) as Listed;
      return told.unreachable === undefined ? told : undefined;
    }, 'a list of both');
    const ids = list.calls.map(({ id }) => id);
    expect(ids).toHaveLength(2);
    // Two sockets for each: that a socket comes to the process that has its call is chance.
    const ears = await Promise.all([...ids, ...ids].map((id) => listen(url, id)));
    for (const ear of ears) await until(() => ear.side('caller').length > LISTEN_RATE / 4, 'sound comes', 20_000);
    for (const { phone } of calls) phone.hangUp();
    await Promise.all(calls.map(({ report }) => report));
    for (const ear of ears) expect(await until(() => ear.ended, 'it ends')).toMatchObject({ reason: 'call-ended' });
  });

  it('lose no byte of a request that comes in pieces, answer one a connection, and judge what is none', async () => {
    const body = 'CallSid=CA00000000000000000000000000000001&AccountSid=AC1&From=%2B12025550143&To=%2B12025550199';
    const head = (length: number) =>
      `Host: voice.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n\r\n`;
    const [inPieces, halfClosed, pipelined, tls] = await Promise.all([
      raw(
        'PO',
        'ST /call-con',
        'tinue HTTP/1.1\r',
        '\nHo',
        `${head(body.length).slice(2)}${body.slice(0, 9)}`,
        body.slice(9),
      ),
      // All is said with the first packet, and the client says so: it wants its answer all the same.
      (async () => {
        const socket = connect({ port: daemon.port, host: '127.0.0.1', allowHalfOpen: true });
        socket.end('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
        let text = '';
        for await (const chunk of socket) text += chunk;
        return text;
      })(),
      raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n'),
      raw('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
    ]);
    expect(inPieces).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n[\s\S]*<Response>/i);
    expect(halfClosed).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\{"status":"ok"\}$/);
    expect(pipelined.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(tls).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    // Who does not say all is told so after the time for a request's head; who says nothing is told nothing.
    const [half, silent] = await Promise.all([raw('GET /health'), raw('')]);
    expect(half).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*REQUEST_TIMEOUT/);
    expect(silent).toBe('');
  });

  it('feel nothing when the other crashes: its callers go on with them, its calls are lost in the records, and no request is', async () => {
    const before = workersOfCalls().length;
    const calls = Array.from({ length: 6 }, () => daemon.call({ hangUpAfterMs: 60_000 }));
    await until(() => workersOfCalls().length === before + 6, 'all are on the line', 20_000);
    // A process writes what happened each 200 ms: of a call that it dies with before nobody knows.
    await until(() => daemon.records().filter(({ reason }) => reason === null).length === 6, 'all are stored');
    const counted = await daemon.metric('voicebridge_http_events_total{event="call_prepared"}');
    const [victim = '', pid = 0] = [...daemon.pids()].at(-1) ?? [];
    const had = workersOfCalls().slice(before);
    expect(had.filter((name) => name === victim)).toHaveLength(3);
    // Readers of either, and those who read the one that dies have to come again.
    const readers = await Promise.all(Array.from({ length: 4 }, () => readBySocket(daemon.url)));
    // It takes nothing any more; what it is given in the meantime is answered by the other.
    process.kill(pid, 'SIGSTOP');
    const requests = Array.from({ length: 6 }, () => fetch(`${daemon.url}/health/live`));
    await sleep(300);
    process.kill(pid, 'SIGABRT');
    process.kill(pid, 'SIGCONT');
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual(requests.map(() => 200));
    await until(() => workersOfCalls().length === before + 9, 'the callers of the other go on here', 20_000);
    await Promise.all(calls.map(heardAndOver));
    const reports = await Promise.all(calls.map(({ report }) => report));
    expect(reports.map(({ ok, reason }) => (ok ? 'ok' : reason))).toEqual(calls.map(() => 'ok'));
    // When a stream breaks, the carrier's question is answered by the other, which goes on with the caller.
    expect(reports.map(({ streams }) => streams.length).sort()).toEqual([1, 1, 1, 2, 2, 2]);
    await until(() => daemon.pids().size === 3, 'another takes its place', 20_000);
    // By its successor at once; by the other where that finds it silent for 20 s first.
    const lost = () => daemon.records().filter(({ reason }) => reason === 'process-lost');
    await until(() => lost().length === 3, 'the lost ones are closed in the records', 30_000);
    expect(lost().map(({ instance }) => instance)).toEqual([victim, victim, victim]);
    const reader = readers.find(({ ended }) => ended === undefined)!;
    const toldLost = () =>
      reader.events.filter(
        ({ type, data }) => type === 'call_ended' && (data['end'] as { reason: string }).reason === 'process-lost',
      );
    await until(() => toldLost().length === 3, 'whoever watches is told of it');
    for (const one of readers) one.close();
    await until(() => daemon.records().every(({ reason }) => reason !== null), 'the others are, too');
    expect(daemon.records().every(({ ends, reason }) => ends === (reason === 'process-lost' ? 0 : 1))).toBe(true);
    expect(await daemon.metric('voicebridge_workers_ended_total{why="aborted"}')).toBe(1);
    expect(await daemon.metric('voicebridge_http_events_total{event="call_prepared"}')).toBeGreaterThanOrEqual(counted);
    expect(await daemon.metric('voicebridge_workers{state="serving"}')).toBe(2);
  });

  it('are replaced by SIGHUP one after the other, with the settings of now, without a call lost or refused', async () => {
    const before = workersOfCalls().length;
    const old = new Set(daemon.pids().keys());
    const prepared = 'voicebridge_http_events_total{event="call_prepared"}';
    const counted = await daemon.metric(prepared);
    const running = Array.from({ length: 4 }, () => daemon.call({ hangUpAfterMs: 120_000 }));
    await until(() => workersOfCalls().length === before + 4, 'all are on the line', 20_000);
    daemon.setEnv({ METRICS_ACCESS: 'admin' });
    daemon.signal('SIGHUP');
    // Callers come the whole time.
    const others: Array<ReturnType<Workers['call']>> = [];
    const over: Array<Promise<void>> = [];
    const come = setInterval(() => {
      const other = daemon.call({ hangUpAfterMs: 60_000 });
      others.push(other);
      over.push(heardAndOver(other));
    }, 1_000);
    await until(
      () => daemon.lines('all processes are replaced; those before').length === 1,
      'all are replaced',
      60_000,
    ).finally(() => clearInterval(come));
    await Promise.all([...over, ...running.map(heardAndOver)]);
    const reports = await Promise.all([...running, ...others].map(({ report }) => report));
    expect(reports.filter(({ ok }) => !ok).map(({ reason }) => reason)).toEqual([]);
    await until(
      () => daemon.lines('a process has ended after its calls').length === 2,
      'the old ones are gone',
      20_000,
    );
    expect([...daemon.pids().keys()].filter((name) => !old.has(name)).length).toBe(2);
    expect((await fetch(`${daemon.url}/metrics`)).status).toBe(401);
    // Nobody has asked since: what the old ones counted is not gone with them.
    const metrics = await (await askAsOperator(`${daemon.url}/metrics`)).text();
    const now = metrics.split('\n').find((line) => line.startsWith(`${prepared} `));
    expect(now).toBe(`${prepared} ${counted + running.length + others.length}`);
  });

  it('end with SIGTERM after their calls, with status 0, and answer until then', async () => {
    const before = workersOfCalls().length;
    const call = daemon.call({ hangUpAfterMs: 60_000 });
    await until(() => workersOfCalls().length === before + 1, 'it is on the line', 20_000);
    daemon.signal('SIGTERM');
    await until(() => daemon.lines('draining').length > 0, 'the signal is seen');
    expect((await fetch(`${daemon.url}/health/ready`)).status).toBe(503);
    // The one without calls is closing meanwhile, and gone soon.
    for (let n = 0; n < 20; n++) {
      expect((await fetch(`${daemon.url}/health/live`)).status).toBe(200);
      await sleep(50);
    }
    await heardAndOver(call);
    expect((await call.report).ok).toBe(true);
    expect(await daemon.exit).toBe(0);
    expect(
      daemon.records().filter(({ reason, ends }) => reason === null || (ends !== 1 && reason !== 'process-lost')),
    ).toEqual([]);
  });
});
