/** What went through a jitter buffer since its stream began: samples, and how long they waited together, seconds. */
export interface Waited {
  readonly id: string;
  readonly seconds: number;
  readonly samples: number;
}

/**
 * How long samples wait in jitter buffers between one look at the statistics and the next. The statistics are sums since a stream began, and their mean is slow to follow a buffer
 * that grew: who wants to know how long the audio of just now waits takes what came to them since the look before.
 */
export class RecentWaits {
  #before: ReadonlyMap<string, Waited> = new Map();

  /** The mean since the look before, ms, the worst of all streams; undefined where nothing came out of any. */
  look(streams: readonly Waited[]): number | undefined {
    const all = this.#before;
    this.#before = new Map(streams.map((stream) => [stream.id, stream]));
    const means = streams.flatMap((stream) => {
      const before = all.get(stream.id);
      // A stream that begins anew counts from nothing.
      const since = before === undefined || before.samples > stream.samples ? { seconds: 0, samples: 0 } : before;
      const samples = stream.samples - since.samples;
      return samples > 0 ? [((stream.seconds - since.seconds) * 1000) / samples] : [];
    });
    return means.length === 0 ? undefined : Math.round(Math.max(...means) * 10) / 10;
  }
}
