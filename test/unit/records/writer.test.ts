import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/errors.ts';
import { createLog } from '../../../src/log.ts';
import { newRecord } from '../../../src/records/call-record.ts';
import type { RecordedEvent } from '../../../src/records/event.ts';
import { type SpoolFolder, takeAbandoned, takeFolder } from '../../../src/records/owner.ts';
import { RecordWriter, type RecordWriterOptions } from '../../../src/records/writer.ts';
import type { WriterFailure } from '../../../src/records/writer-meters.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeRecordStore } from '../../fakes/record-store.ts';

let root: string;
let open: Array<() => unknown>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'voicebridge-writer-'));
  open = [];
});
afterEach(async () => {
  for (const end of open.reverse()) await end();
  rmSync(root, { recursive: true });
});

const events = (n: number, from = 0, callId = 'c1'): RecordedEvent[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `e${String(from + i).padStart(6, '0')}`,
    callId,
    seq: from + i,
    at: 1_700_000_000_000,
    offsetMs: from + i,
    type: 'barge_in',
    data: { i: from + i },
    transient: false,
  }));

function rig(more: Partial<RecordWriterOptions> = {}, instance = 'aaaaaa') {
  const clock = new FakeClock();
  const store = new FakeRecordStore();
  const failures: Partial<Record<WriterFailure, number>> = {};
  let written = 0;
  const lines: Array<Record<string, unknown>> = [];
  const log = createLog({ level: 'warn', destination: { write: (line: string) => void lines.push(JSON.parse(line)) } });
  const folder = takeFolder(root, instance)!;
  const writer = new RecordWriter({
    store,
    folder,
    abandoned: takeAbandoned(root, instance),
    clock,
    log: log as never,
    meters: {
      written: (n) => {
        written += n;
      },
      failed: (what, n = 1) => {
        failures[what] = (failures[what] ?? 0) + n;
      },
    },
    ...more,
  });
  open.push(() => folder.release(false));
  // A file that nobody closes is closed by the garbage collector, with a warning.
  open.push(async () => {
    let over = false;
    void writer.close(100).then(() => {
      over = true;
    });
    await settle(clock, () => over, 'the writer is closed');
  });
  return {
    writer,
    store,
    clock,
    folder,
    failures,
    lines,
    written: () => written,
    tell: (list: readonly RecordedEvent[]) => {
      for (const event of list) writer.onRecord(event);
    },
  };
}

/** Lets files be written and promises settle, with the clock moved on, until `check` holds. */
async function settle(clock: FakeClock, check: () => boolean, what: string, step = 50): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    if (check()) return;
    clock.advance(step);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`never: ${what}`);
}

const spoolNames = (folder: SpoolFolder) => readdirSync(folder.path).filter((name) => name.endsWith('.jsonl'));

describe('the writer', () => {
  it('does nothing at once, then stores a batch in order', async () => {
    const { writer, store, clock, tell, written } = rig();
    tell(events(5));
    expect(writer.waiting).toEqual({ waiting: 5, spooled: 0 });
    clock.advance(199);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(store.stored).toEqual([]);
    await settle(clock, () => writer.waiting.waiting === 0, 'all is stored');
    expect(store.stored).toEqual(events(5));
    expect(store.batches).toEqual([5]);
    expect(written()).toBe(5);
  });

  it('goes on after a flush that found nothing, as when what was told meanwhile went with the one before', async () => {
    const { writer, store, clock, tell } = rig();
    for (let i = 0; i < 10; i++) {
      tell(events(1, 2 * i));
      // The flush begins, and waits for the disk.
      clock.advance(200);
      tell(events(1, 2 * i + 1));
      await settle(clock, () => writer.waiting.waiting === 0, `round ${i} is stored`, 0);
      clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(store.stored).toEqual(events(20));
  });

  it('does not wait when there is a batch by itself, and leaves transient events out', async () => {
    const { writer, store, clock, tell } = rig();
    tell([...events(500), ...events(10, 500).map((event) => ({ ...event, transient: true }))]);
    await settle(clock, () => store.stored.length === 500, 'the batch is stored', 0);
    // What was wrongly kept would come with the next batches.
    tell(events(1, 600));
    await settle(clock, () => writer.waiting.waiting === 0 && store.stored.length > 500, 'the next is stored');
    clock.advance(1_000);
    await settle(clock, () => writer.waiting.waiting === 0, 'nothing waits');
    expect(store.stored).toEqual([...events(500), ...events(1, 600)]);
  });

  it('keeps what the store does not take on disk, tries again later and later, and then stores it in order', async () => {
    const { writer, store, clock, tell, failures, lines, folder } = rig();
    store.failure = new BridgeError('STORE_UNAVAILABLE', 'down');
    for (let i = 0; i < 30; i++) {
      tell(events(100, i * 100));
      await settle(clock, () => writer.waiting.spooled === (i + 1) * 100, 'it is on disk');
    }
    expect(writer.healthy).toBe(false);
    expect(spoolNames(folder).length).toBeGreaterThan(2);
    const before = failures.store ?? 0;
    await settle(clock, () => (failures.store ?? 0) >= before + 2, 'it tries again', 1_000);
    expect(lines.filter(({ msg }) => String(msg).includes('does not take')).length).toBeLessThanOrEqual(2);
    store.failure = undefined;
    await settle(clock, () => writer.waiting.waiting === 0, 'all is stored');
    expect(store.stored).toEqual(events(3_000));
    expect(Math.max(...store.batches)).toBeLessThanOrEqual(500);
    expect(writer.healthy).toBe(true);
  });

  it('holds no more in memory than it may: the rest is read back from disk, each once', async () => {
    const { writer, store, clock, tell } = rig({ maxInMemory: 2_000 });
    store.failure = new BridgeError('STORE_UNAVAILABLE', 'down');
    for (let i = 0; i < 20; i++) {
      tell(events(500, i * 500));
      await settle(clock, () => writer.waiting.spooled === (i + 1) * 500, 'it is on disk');
    }
    store.failure = undefined;
    await settle(clock, () => writer.waiting.waiting === 0, 'all is stored');
    expect(store.stored).toEqual(events(10_000));
  });

  it('removes files whose events are stored', async () => {
    const { writer, clock, tell, folder } = rig();
    for (let i = 0; i < 12; i++) {
      tell(events(500, i * 500));
      await settle(clock, () => writer.waiting.waiting === 0, 'it is stored');
    }
    expect(spoolNames(folder).length).toBeLessThanOrEqual(1);
  });

  it('does not let one event that is refused keep out the others', async () => {
    const { store, clock, tell, failures, writer } = rig();
    store.refused.add('e000003');
    store.refused.add('e000077');
    tell(events(100));
    await settle(clock, () => writer.waiting.waiting === 0, 'the rest is stored');
    expect(store.stored.map(({ id }) => id)).toEqual(
      events(100)
        .map(({ id }) => id)
        .filter((id) => !store.refused.has(id)),
    );
    expect(failures.refused).toBe(2);
    expect(readFileSync(join(root, 'refused.jsonl'), 'utf8').split('\n')).toHaveLength(3);
  });

  it('goes on from memory when the disk takes nothing, and says so', async () => {
    const { store, clock, tell, failures, writer, folder } = rig();
    rmSync(folder.path, { recursive: true });
    writeFileSync(folder.path, 'a file where the folder was');
    tell(events(10));
    await settle(clock, () => writer.waiting.waiting === 0, 'it is stored');
    expect(store.stored).toEqual(events(10));
    expect(failures.spool).toBe(1);
    rmSync(folder.path);
    mkdirSync(folder.path);
    chmodSync(folder.path, 0o700);
    tell(events(10, 10));
    await settle(clock, () => store.stored.length === 20, 'the disk is used again');
    expect(failures.spool).toBe(1);
  });

  it('loses events only when neither the disk nor the store takes them and memory is full, and counts them', async () => {
    const { store, clock, tell, failures, writer, folder, lines } = rig({ maxInMemory: 1_000 });
    rmSync(folder.path, { recursive: true });
    writeFileSync(folder.path, 'a file where the folder was');
    store.failure = new BridgeError('STORE_UNAVAILABLE', 'down');
    for (let i = 0; i < 5; i++) {
      tell(events(500, i * 500));
      await settle(clock, () => (failures.spool ?? 0) === i + 1, 'the disk was tried');
    }
    expect(failures.lost).toBe(1_500);
    expect(lines.filter(({ msg }) => String(msg).includes('LOST'))).toHaveLength(1);
    store.failure = undefined;
    await settle(clock, () => writer.waiting.waiting === 0, 'what was held is stored');
    expect(store.stored).toEqual(events(1_000));
    rmSync(folder.path);
    mkdirSync(folder.path);
  });

  it('stores what a dead process left before its own, without the torn end, then closes its calls', async () => {
    const dead = takeFolder(root, 'dead01')!;
    const lines = events(3, 0, 'd1').map((event) => JSON.stringify(event));
    writeFileSync(join(dead.path, '00000000.jsonl'), `${lines[0]}\n${lines[1]}\n`);
    writeFileSync(join(dead.path, '00000001.jsonl'), `${lines[2]}\n${lines[2]?.slice(0, 20)}`);
    dead.release(false);

    const lost: unknown[] = [];
    const { writer, store, clock, tell, failures } = rig({ lost: (calls) => void lost.push(...calls) });
    const open = newRecord('d1', 'dead01', { at: 0, offsetMs: 0 });
    store.silentOnes.set('dead01', [open]);
    writer.start();
    tell(events(2, 50));
    await settle(clock, () => store.stored.length === 5, 'all is stored');
    // Whoever watches it hears of its end from nobody else.
    expect(lost).toEqual([open]);
    expect(store.stored.map(({ id }) => id)).toEqual(['e000000', 'e000001', 'e000002', 'e000050', 'e000051']);
    expect(store.closed).toEqual([{ instances: ['dead01'] }]);
    expect(failures.damaged).toBe(1);
    expect(existsSync(join(root, 'dead01'))).toBe(false);
  });

  it('leaves the folder that nobody can take as it is, names it, and takes the others', () => {
    for (const dead of ['cccccc', 'dddddd']) takeFolder(root, dead)!.release(false);
    writeFileSync(join(root, 'cccccc', 'owner.lock'), 'This is no database. '.repeat(50));
    const named: string[] = [];
    const taken = takeAbandoned(root, 'eeeeee', (path) => named.push(path));
    expect(taken.map(({ instance }) => instance)).toEqual(['dddddd']);
    expect(named).toEqual([join(root, 'cccccc')]);
    for (const folder of taken) folder.release(true);
  });

  it('does not close the calls of a dead process before its events are stored', async () => {
    const dead = takeFolder(root, 'dead01')!;
    writeFileSync(join(dead.path, '00000000.jsonl'), `${JSON.stringify(events(1)[0])}\n`);
    dead.release(false);
    const { writer, store, clock, failures } = rig();
    store.failure = new BridgeError('STORE_UNAVAILABLE', 'down');
    writer.start();
    await settle(clock, () => (failures.store ?? 0) > 2, 'it was tried');
    expect(store.closed).toEqual([]);
    expect(existsSync(join(root, 'dead01', '00000000.jsonl'))).toBe(true);
    store.failure = undefined;
    await settle(clock, () => store.closed.length === 1, 'they are closed');
    expect(store.stored).toHaveLength(1);
  });

  it('leaves to the next start what cannot be stored within the time of its end', async () => {
    const { writer, store, clock, tell } = rig();
    store.failure = new BridgeError('STORE_UNAVAILABLE', 'down');
    tell(events(7));
    let closed = false;
    const closing = writer.close(1_000).then(() => {
      closed = true;
    });
    await settle(clock, () => closed, 'it is closed');
    await closing;
    expect(store.stored).toEqual([]);
    writer.onRecord(events(1, 99)[0]!);
    expect(writer.waiting.waiting).toBe(7);

    const next = rig({}, 'bbbbbb');
    next.writer.start();
    await settle(next.clock, () => next.store.stored.length === 7, 'the next start stores it');
    expect(next.store.stored).toEqual(events(7));
  });

  it('frees its timers and its folder at the end', async () => {
    const { writer, store, clock, tell, folder } = rig();
    tell(events(3));
    await writer.close(1_000);
    expect(store.stored).toHaveLength(3);
    expect(clock.pending).toBe(0);
    expect(existsSync(folder.path)).toBe(false);
  });
});

describe('forgetting calls', () => {
  it('leaves no word of them in the spool, nor in the file of refused events', async () => {
    const { writer, store, clock, folder, tell } = rig();
    const [refused] = events(1, 100, 'c2');
    store.refused.add(refused?.id ?? '');
    tell([...events(5), ...events(3, 10, 'c1'), ...events(1, 100, 'c2')]);
    await settle(clock, () => writer.waiting.waiting === 0, 'all is stored');
    expect(spoolNames(folder)).toHaveLength(1);
    const refusals = join(root, 'refused.jsonl');
    expect(readFileSync(refusals, 'utf8')).toContain('"c2"');
    await writer.forget(['c1', 'c2']);
    await settle(clock, () => spoolNames(folder).length === 0, 'the file of the spool is gone');
    expect(existsSync(refusals)).toBe(false);
    // What is told later is spooled and stored as before.
    tell(events(2, 200, 'c3'));
    await settle(clock, () => writer.waiting.waiting === 0, 'the rest is stored');
    expect(store.stored.at(-1)?.callId).toBe('c3');
    await writer.forget(['c9']);
    await writer.close(1_000);
  });
});
