import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { keepToken, takeToken } from '../../../web/phone/page-token.js';

/** As much of a tab as has an address, and keeps a token. */
let address: URL;
let kept: Map<string, string>;
beforeEach(() => {
  kept = new Map();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  });
  vi.stubGlobal('history', {
    state: null,
    replaceState: (_state: unknown, _title: string, to: string) => open(new URL(to, address).href),
  });
});
afterEach(() => void vi.unstubAllGlobals());

function open(url: string): void {
  address = new URL(url);
  vi.stubGlobal('location', address);
}

it('is taken off the address, of which all else stays, and kept by the tab', () => {
  open('https://voice.example.com/console/phone.html?raw=1#token=s%2Bcret&a=b');
  expect(takeToken()).toBe('s+cret');
  expect(address.href).toBe('https://voice.example.com/console/phone.html?raw=1#a=b');
  // Loaded again.
  expect(takeToken()).toBe('s+cret');
  open('https://voice.example.com/console/phone.html#token=other');
  expect([takeToken(), address.href]).toEqual(['other', 'https://voice.example.com/console/phone.html']);
});

it('is the one with which the tab is signed in where none is in the address', () => {
  open('https://voice.example.com/console/phone.html#a=b');
  expect(takeToken()).toBeNull();
  keepToken('signed-in');
  expect([takeToken(), address.hash]).toEqual(['signed-in', '#a=b']);
});
