import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { MetricJson } from '../../../src/metrics/json.ts';
import { MachineMetrics } from '../../../src/workers/machine-metrics.ts';

/** What a worker tells of itself. */
async function told({ calls, delay, ready = 'ok' }: { calls: number; delay: number; ready?: string }) {
  const registers = [new Registry()];
  new Counter({ name: 'ended_total', help: 'h', labelNames: ['result'], registers }).inc({ result: 'ok' }, calls);
  const seconds = new Histogram({ name: 'seconds', help: 'h', buckets: [1], registers });
  for (let n = 0; n < calls; n++) seconds.observe(0.5);
  new Gauge({ name: 'active', help: 'h', registers }).set(calls);
  new Gauge({ name: 'delay', help: 'h', registers, aggregator: 'max' }).set(delay);
  new Gauge({ name: 'ready', help: 'h', labelNames: ['status'], registers }).set({ status: ready }, 1);
  return (await registers[0]?.getMetricsAsJSON()) as unknown as MetricJson[];
}

describe('the metrics of a machine', () => {
  it('add what is counted, and take of what is measured what each says', async () => {
    const machine = new MachineMetrics();
    const { text } = await machine.exposition([await told({ calls: 2, delay: 5 }), await told({ calls: 3, delay: 1 })]);
    expect(text).toContain('ended_total{result="ok"} 5\n');
    expect(text).toContain('seconds_bucket{le="1"} 5\n');
    expect(text).toContain('seconds_count 5\n');
    expect(text).toContain('active 5\n');
    expect(text).toContain('delay 5\n');
  });

  it('keep what a process had counted that is gone, and not what it measured', async () => {
    const machine = new MachineMetrics();
    machine.left(await told({ calls: 2, delay: 5 }));
    machine.left(await told({ calls: 4, delay: 5 }));
    const { text } = await machine.exposition([await told({ calls: 3, delay: 1 })]);
    expect(text).toContain('ended_total{result="ok"} 9\n');
    expect(text).toContain('seconds_sum 4.5\n');
    expect(text).toContain('active 3\n');
    expect(text).toContain('delay 1\n');
  });

  it('say once what is said of all together', async () => {
    const machine = new MachineMetrics();
    new Gauge({ name: 'ready', help: 'h', labelNames: ['status'], registers: [machine.registry] }).set(
      { status: 'ok' },
      1,
    );
    const one = await told({ calls: 0, delay: 0, ready: 'draining' });
    const { text, contentType } = await machine.exposition([one, await told({ calls: 0, delay: 0 })]);
    expect(text.match(/^ready\{.*$/gm)).toEqual(['ready{status="ok"} 1']);
    expect(text.match(/^# TYPE /gm)?.length).toBe(5);
    expect(contentType).toContain('text/plain');
  });
});
