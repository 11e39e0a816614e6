import { describe, expect, it } from 'vitest';
import { ask } from '../../../src/doctor/ask.ts';
import { ExchangeError } from '../../../src/transport/http.ts';
import { FakeClock } from '../../fakes/clock.ts';

const signal = new AbortController().signal;

describe('what the doctor asks', () => {
  it('follows no redirect, and reads no more of an endless answer than a check looks at', async () => {
    const asked: RequestInit[] = [];
    let given = 0;
    const endless = new ReadableStream({
      pull(controller) {
        given += 1024;
        controller.enqueue(new Uint8Array(1024).fill(0x20));
      },
    });
    const fetch = async (_: unknown, init?: RequestInit) => {
      asked.push(init ?? {});
      return new Response(endless, { status: 404 });
    };
    const answer = await ask(
      { fetch, clock: new FakeClock() },
      { url: 'https://voice.example.com', headers: {}, signal },
    );
    expect(answer.status).toBe(404);
    expect(answer.body.length).toBe(64 * 1024);
    expect(given).toBeLessThan(80 * 1024);
    expect(asked[0]).toMatchObject({ method: 'GET', redirect: 'manual' });
  });

  it('has a time of its own', async () => {
    const clock = new FakeClock();
    const fetch = (_: unknown, init?: RequestInit) =>
      new Promise<Response>((_resolve, reject) =>
        init?.signal?.addEventListener('abort', () => reject(new Error('aborted'))),
      );
    const question = ask({ fetch, clock }, { url: 'https://voice.example.com', headers: {}, timeoutMs: 3_000, signal });
    const failed = question.catch((error: unknown) => error);
    await clock.advanceAsync(3_000);
    expect(await failed).toBeInstanceOf(ExchangeError);
    expect(await failed).toMatchObject({ failure: 'timeout' });
  });
});
