import { resolve } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Destinations } from '../../../src/tools/destinations.ts';
import { guardedControl } from '../../../src/tools/guarded-control.ts';
import { ToolRegistry } from '../../../src/tools/registry.ts';
import type { CallToolsOptions } from '../../../src/tools/runner.ts';
import { hourLimit } from '../../fakes/memory.ts';
import { fakeControl, memoryStore, rig } from './support.ts';

const root = resolve(import.meta.dirname, '../../..');
let start: (more?: Partial<CallToolsOptions>) => (name: string, args?: unknown) => Promise<Record<string, never>>;

beforeEach(async () => {
  const registry = await ToolRegistry.open({
    folder: resolve(root, 'tools'),
    log: rig([]).log,
    http: { destinations: new Destinations({ hosts: [], privateHosts: [] }), env: () => undefined },
  });
  const store = memoryStore(resolve(root, 'knowledge'));
  start = (more) => {
    const { run } = rig(
      registry.snapshot().names.map((name) => registry.snapshot().get(name)!),
      { store, ...more },
    );
    return async (name, args) => JSON.parse(await run(name, args));
  };
});

describe('the receptionist', () => {
  it('knows a caller, books for them, is not double booked, cancels', async () => {
    const run = start();
    expect(await run('look_up_caller')).toMatchObject({ known: true, name: 'Maria Santos', appointments: [] });
    const offer = await run('check_availability', { service: 'cleaning', date: '2025-11-25', earliest: '09:00' });
    const { start: at } = (offer as unknown as { slots: Array<{ start: string }> }).slots[0]!;
    expect(at).toBe('2025-11-25T09:00');
    const wish = { service: 'cleaning', start: at, name: 'Maria Santos' };
    const booked = (await run('book_appointment', wish)) as unknown as {
      booked: boolean;
      appointment: { reference: string };
    };
    expect(booked).toMatchObject({ booked: true, appointment: { staff: 'Sofia Lind' } });
    expect(await run('look_up_caller')).toMatchObject({ appointments: [{ start: at }] });

    const other = start({ caller: { kind: 'number', from: '+12025550178', key: '+12025550178' } });
    expect(await other('book_appointment', { ...wish, name: 'James' })).toMatchObject({
      booked: false,
      reason: 'taken',
    });
    const { reference } = booked.appointment;
    expect(await other('cancel_appointment', { reference })).toMatchObject({ cancelled: false, reason: 'name_needed' });
    expect(await run('cancel_appointment', { reference: [...reference].join(' ') })).toMatchObject({ cancelled: true });
    expect(await other('book_appointment', { ...wish, name: 'James' })).toMatchObject({ booked: true });
  });

  it('is told the services when it asks for one that is not there', async () => {
    expect(await start()('check_availability', { service: 'surgery', date: '2025-11-25' })).toMatchObject({
      error: 'unknown_service',
      services: expect.arrayContaining([expect.objectContaining({ id: 'check-up', minutes: 30 })]),
    });
  });

  it('keeps what the caller says about themselves, and of nobody else', async () => {
    const run = start();
    expect(await run('update_caller', { notes: 'Vegetarian' })).toMatchObject({ updated: true, name: 'Maria Santos' });
    expect(await run('update_caller', {})).toMatchObject({ updated: false });
    expect(await run('update_caller', { email: 'no' })).toMatchObject({ error: 'arguments_invalid' });
    // A number in the arguments is not one of theirs: the caller's own record answers.
    expect(await run('look_up_caller', { number: '+12025550178' })).toMatchObject({ name: 'Maria Santos' });
  });

  it('does without a number when the caller withholds it', async () => {
    const run = start({ caller: { kind: 'withheld' } });
    expect(await run('look_up_caller')).toEqual({ known: false, reason: 'number_withheld' });
    expect(await run('update_caller', { name: 'X' })).toEqual({ updated: false, reason: 'number_withheld' });
    expect(await run('take_message', { message: 'Hi' })).toEqual({ taken: true, can_be_called_back: false });
    expect(await run('book_appointment', { service: 'check-up', start: '2025-11-25T09:00', name: 'X' })).toMatchObject({
      booked: true,
    });
  });

  it('answers from what is written down', async () => {
    const run = start();
    expect(await run('search_knowledge', { question: 'is there parking' })).toMatchObject({
      found: true,
      results: [{ source: 'practice.md: The practice: Parking' }],
    });
    expect(await run('search_knowledge', { question: 'zzz' })).toEqual({ found: false });
  });

  it('takes messages', async () => {
    const run = start();
    expect(await run('take_message', { message: 'Call me', urgent: true })).toEqual({
      taken: true,
      can_be_called_back: true,
    });
    expect(await run('take_message', { message: 'Call me', callback_number: '555' })).toMatchObject({
      error: 'arguments_invalid',
    });
  });
});

describe('the tools of the call', () => {
  it('act through its control', async () => {
    const control = fakeControl();
    const run = start({ control });
    expect(await run('transfer_call', { destination: '+12025550199' })).toEqual({ transferred: true });
    expect(await run('send_digits', { digits: '1w2#' })).toEqual({ sent: 4 });
    expect(await run('send_digits', { digits: '+1' })).toMatchObject({ error: 'arguments_invalid' });
    expect(await run('end_call', { reason: 'done' })).toEqual({ ended: true });
    expect(control.asked).toEqual(['transfer +12025550199', 'digits 1w2#', 'hangup']);
  });

  it('stay under the policy, and the model hears why', async () => {
    const carrier = fakeControl();
    const control = guardedControl(carrier, { allow: ['+1'] }, hourLimit(10));
    expect(await start({ control })('transfer_call', { destination: '+1 (202) 555-0199' })).toEqual({
      transferred: true,
    });
    expect(await start({ control })('transfer_call', { destination: '+442079460000' })).toMatchObject({
      error: 'refused',
    });
    expect(carrier.asked).toEqual(['transfer +12025550199']);
    await expect(control.sendDigits('evil')).rejects.toMatchObject({ code: 'TOOL_REFUSED' });
    expect(control.gatherDigits).toBeUndefined();
    expect(await start({ control })('transfer_call', { destination: '+19005550100' })).toEqual({
      error: 'refused',
      message: 'Premium-rate numbers may not be called.',
    });
  });

  it.each([
    ['the caller speaks into the goodbye', 'caller_spoke', /caller spoke up/],
    ['an operator takes the call over', 'taken_over', /colleague/],
  ] as const)('go on with the call when %s', async (_when, how, reason) => {
    const control = fakeControl({ hangupAfterPlayout: async () => how });
    expect(await start({ control })('end_call', { reason: 'done' })).toEqual({
      ended: false,
      reason: expect.stringMatching(reason),
    });
  });
});
