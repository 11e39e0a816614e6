import { SIMULATED_MODEL } from '../call/events.ts';
import type { RealtimeServer } from '../simulator/realtime/index.ts';
import type { TextModel } from './ask.ts';

export interface TextModelSettings {
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly model: string;
  /** Told once, where the embedded service is asked. */
  readonly embedded: () => void;
}

/** Who is asked: the API that is set, or the embedded service, which is started by the first question. */
export class TextModels {
  readonly #o: TextModelSettings;
  #server: Promise<RealtimeServer> | undefined;

  constructor(options: TextModelSettings) {
    this.#o = options;
  }

  /** Its name, for the record. */
  get name(): string {
    return this.#o.url === undefined ? SIMULATED_MODEL : this.#o.model;
  }

  async get(): Promise<TextModel> {
    const { url, key, embedded } = this.#o;
    if (url !== undefined) return { url, key, model: this.name };
    if (this.#server === undefined) embedded();
    this.#server ??= import('../simulator/realtime/index.ts').then((far) => far.startRealtimeServer({ port: 0 }));
    return { url: (await this.#server).url, key: 'sk-embedded', model: this.name };
  }

  async close(): Promise<void> {
    await (await this.#server)?.close();
  }
}
