import type { IncomingMessage } from 'node:http';

/** What is asked for, by its path and query; the host is nobody's. Undefined where it can be no address (`//`): whoever asks for that is refused with 400. */
export function requestUrl({ url }: Pick<IncomingMessage, 'url'>): URL | undefined {
  return URL.parse(url ?? '/', 'http://asked') ?? undefined;
}
