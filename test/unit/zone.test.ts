import { describe, expect, it } from 'vitest';
import { addDays, instantOf, isZone, localTime, spoken, weekdayOf } from '../../src/zone.ts';

const NY = 'America/New_York';
const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());

describe('wall time in a zone', () => {
  it('reads the clock on the wall', () => {
    expect(localTime(Date.parse('2025-11-24T04:30:00Z'), NY)).toEqual({
      date: '2025-11-23',
      time: '23:30',
      weekday: 0,
    });
    expect(localTime(Date.parse('2025-06-30T22:15:30Z'), 'Asia/Kolkata')).toEqual({
      date: '2025-07-01',
      time: '03:45',
      weekday: 2,
    });
  });

  it('finds the moment of a wall time, in winter and in summer', () => {
    expect(iso(instantOf('2025-01-15', '09:00', NY))).toBe('2025-01-15T14:00:00.000Z');
    expect(iso(instantOf('2025-07-15', '09:00', NY))).toBe('2025-07-15T13:00:00.000Z');
    expect(iso(instantOf('2025-07-15', '00:00', 'Pacific/Auckland'))).toBe('2025-07-14T12:00:00.000Z');
  });

  it('has no moment for the hour that spring skips, and takes the first of the two in autumn', () => {
    expect(instantOf('2025-03-09', '02:30', NY)).toBeUndefined();
    expect(iso(instantOf('2025-03-09', '03:00', NY))).toBe('2025-03-09T07:00:00.000Z');
    expect(iso(instantOf('2025-11-02', '01:30', NY))).toBe('2025-11-02T05:30:00.000Z');
    expect(iso(instantOf('2025-11-02', '02:00', NY))).toBe('2025-11-02T07:00:00.000Z');
  });

  it('turns back what it read, for every quarter hour of the days on which clocks change', () => {
    for (const zone of [NY, 'Europe/Berlin', 'Australia/Lord_Howe']) {
      for (const day of ['2025-03-09', '2025-03-30', '2025-04-06', '2025-10-05', '2025-10-26', '2025-11-02']) {
        for (let ms = Date.parse(`${day}T00:00:00Z`); ms < Date.parse(`${day}T24:00:00Z`); ms += 900_000) {
          const { date, time } = localTime(ms, zone);
          const back = instantOf(date, time, zone)!;
          expect(localTime(back, zone)).toMatchObject({ date, time });
          expect(back).toBeLessThanOrEqual(ms);
        }
      }
    }
  });

  it('refuses dates that do not exist', () => {
    expect(instantOf('2025-02-29', '10:00', NY)).toBeUndefined();
    expect(instantOf('tomorrow', '10:00', NY)).toBeUndefined();
  });

  it('counts days, knows weekdays, speaks', () => {
    expect(addDays('2025-12-30', 3)).toBe('2026-01-02');
    expect(weekdayOf('2025-11-24')).toBe(1);
    expect(spoken(Date.parse('2025-11-24T14:00:00Z'), NY)).toBe('Monday, November 24 at 9:00 AM');
    expect([isZone(NY), isZone('Mars/Olympus')]).toEqual([true, false]);
  });
});
