import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import { costOf, isPriced, priceForm, talkCost } from '../../../src/records/costs.ts';
import { loadPrices } from '../../../src/records/prices.ts';
import { PRICES } from '../../fakes/record-events.ts';

const usage = {
  inputTextTokens: 0,
  inputAudioTokens: 0,
  cachedTokens: 0,
  outputTextTokens: 0,
  outputAudioTokens: 0,
};

describe('what tokens cost', () => {
  const model = 'gpt-realtime-2.1';

  it('prices each kind by its own', () => {
    expect(costOf(PRICES, model, { ...usage, inputTextTokens: 1e6 })).toBe(4);
    expect(costOf(PRICES, model, { ...usage, inputAudioTokens: 1e6 })).toBe(32);
    expect(costOf(PRICES, model, { ...usage, outputTextTokens: 1e6 })).toBe(24);
    expect(costOf(PRICES, model, { ...usage, outputAudioTokens: 1e6 })).toBe(64);
  });

  it('bills cached tokens once, as cached, and of the kind they are', () => {
    const input = { ...usage, inputTextTokens: 1e6, inputAudioTokens: 1e6, cachedTokens: 1e6 };
    expect(costOf(PRICES, model, { ...input, cachedAudioTokens: 0 })).toBeCloseTo(0.4 + 32);
    expect(costOf(PRICES, model, { ...input, cachedAudioTokens: 1e6 })).toBeCloseTo(4 + 0.4);
    // Not told: half of each.
    expect(costOf(PRICES, model, input)).toBeCloseTo(0.4 + 2 + 16);
  });

  it('never goes below nothing for counts that contradict each other', () => {
    expect(costOf(PRICES, model, { ...usage, inputTextTokens: 10, cachedTokens: 1e9 })).toBeCloseTo((10 * 0.4) / 1e6);
    expect(costOf(PRICES, model, { ...usage, cachedTokens: 5, cachedAudioTokens: 9 })).toBe(0);
  });

  it('gives dated snapshots the price of their model, and others none', () => {
    expect(isPriced(PRICES, 'gpt-realtime-2.1-2026-05-01')).toBe(true);
    expect(isPriced(PRICES, 'gpt-realtime-2.1-mini')).toBe(false);
    expect(isPriced(PRICES, 'constructor')).toBe(false);
    expect(costOf(PRICES, 'other', usage)).toBeUndefined();
    expect(costOf(PRICES, null, usage)).toBeUndefined();
  });
});

describe('what minutes cost', () => {
  it('is by the millisecond, whatever the number is that tokens are priced for', () => {
    expect(talkCost(PRICES, 'by-the-minute', 90_000)).toBeCloseTo(0.9);
    expect(talkCost(PRICES, 'by-the-minute-2026-05-01', 1)).toBeCloseTo(0.000_01);
    expect(talkCost(PRICES, 'by-the-minute', 0)).toBe(0);
  });

  it('is nothing that is known of a model that is billed by tokens, and the other way about', () => {
    expect(talkCost(PRICES, 'gpt-realtime-2.1', 60_000)).toBeUndefined();
    expect(talkCost(PRICES, 'other', 60_000)).toBeUndefined();
    expect(talkCost(PRICES, null, 60_000)).toBeUndefined();
    expect(costOf(PRICES, 'by-the-minute', usage)).toBeUndefined();
    expect(['gpt-realtime-2.1', 'by-the-minute', 'other'].map((name) => priceForm(PRICES, name))).toEqual([
      'tokens',
      'minutes',
      undefined,
    ]);
  });
});

describe('the file of prices', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'voicebridge-prices-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (content: string) => {
    writeFileSync(join(folder, 'p.json'), content);
    return join(folder, 'p.json');
  };

  it('that is shipped is right and knows the default model', async () => {
    const shipped = await loadPrices(resolve(import.meta.dirname, '../../../prices.json'));
    expect(isPriced(shipped, loadConfig({}).OPENAI_REALTIME_MODEL)).toBe(true);
  });

  it('is read behind a byte order mark; a key that is there twice is an error with its line', async () => {
    const text = JSON.stringify(PRICES, null, '\t').replaceAll('\n', '\r\n');
    expect(await loadPrices(write(`\ufeff${text}`))).toEqual(PRICES);
    const twice = '{\n"currency": "USD",\n"per": 1,\n"per": 1000000,\n"models": {} }';
    await expect(loadPrices(write(twice))).rejects.toThrow(/line 4: Map keys must be unique/);
    await expect(loadPrices(write('{\n"currency": "USD",\n"Per": 1, "models": {} }'))).rejects.toThrow(
      /line 3: Per: there is no such setting; did you mean per\?/,
    );
  });

  it('that is missing, no JSON or wrong is refused with what is wrong', async () => {
    await expect(loadPrices(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(loadPrices(write('{'))).rejects.toThrow(/PRICES_FILE: .*p\.json cannot be read/);
    const wrong = { ...PRICES, currency: 'dollars', models: { m: { text: { input: -1, cached: 0, output: 0 } } } };
    await expect(loadPrices(write(JSON.stringify(wrong)))).rejects.toThrow(
      /currency: must be a currency[\s\S]*models\.m\.text\.input[\s\S]*models\.m\.audio/,
    );
  });

  it('takes a model’s price by tokens or by the minute, never both or by halves', async () => {
    const refusal = async (model: unknown) =>
      loadPrices(write(JSON.stringify({ ...PRICES, models: { m: model } }))).then(
        () => 'taken',
        (error: Error) => error.message,
      );
    const tokens = { input: 1, cached: 1, output: 1 };
    expect(await refusal({ minute: 0.1 })).toBe('taken');
    expect(await refusal({ text: tokens, audio: tokens })).toBe('taken');
    expect(await refusal({ minute: '0.1' })).toMatch(/line 1: models\.m\.minute: .*number/);
    expect(await refusal({ minute: -1 })).toContain('models.m.minute');
    expect(await refusal({ minute: 1, text: tokens })).toContain('models.m.text: there is no such setting');
    expect(await refusal({ minutes: 1 })).toMatch(
      /models\.m\.minutes: there is no such setting; did you mean minute\?/,
    );
    expect(await refusal({ text: tokens })).toMatch(/models\.m\.audio: .*expected object/);
    expect(await refusal(3)).toMatch(/models\.m: .*expected object/);
  });
});
