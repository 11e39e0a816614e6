import { afterEach, expect, it, vi } from 'vitest';
import { copyText } from '../../../web/js/lib/copy.js';

afterEach(() => void vi.unstubAllGlobals());

it('copies, and says so where the page may not', async () => {
  const copied: string[] = [];
  vi.stubGlobal('navigator', { clipboard: { writeText: async (text: string) => void copied.push(text) } });
  await copyText('vbp_1');
  expect(copied).toEqual(['vbp_1']);
  // Without HTTPS there is none.
  vi.stubGlobal('navigator', {});
  await expect(copyText('vbp_1')).rejects.toThrow('copy it with the keyboard');
  vi.stubGlobal('navigator', { clipboard: { writeText: () => Promise.reject(new Error('NotAllowedError')) } });
  await expect(copyText('vbp_1')).rejects.toThrow('copy it with the keyboard');
});
