import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import { costOf, isPriced, loadPrices } from '../../../src/records/prices.ts';
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
});
