import { BridgeError } from '../errors.ts';

/**
 * The address under which carriers know the bridge. Signatures cover it and TwiML carries it, so it comes from the configuration; the
 * Host header is anybody's to choose and serves local trials alone.
 */

/** What is needed of a request: its Host header. Both fastify's and node:http's requests fit. */
export interface HostedRequest {
  readonly headers: { readonly host?: string | undefined };
}

export interface PublicUrls {
  /** `https://…` (http:// in local trials) followed by `path`, which begins with a slash and may hold a query. Throws HOST_NOT_ALLOWED. */
  http(request: HostedRequest, path: string): string;
  /** `wss://…` (ws:// in local trials) followed by `path`. Throws HOST_NOT_ALLOWED. */
  ws(request: HostedRequest, path: string): string;
}

export interface PublicUrlOptions {
  /** The configured origin, perhaps with a path that a proxy in front takes off; no trailing slash. */
  readonly publicUrl?: string | undefined;
  /** Whether any signing secret is set: then the configured origin is required. */
  readonly signed: boolean;
}

/** A name or IPv4 address of RFC 952/1123 letters, or a bracketed IPv6 address, and perhaps a port: nothing that could leave an attribute. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/**
 * The address a bare Host stands for. Carriers reach a trial through a tunnel, under a dotted name and over TLS; `localhost`, a single
 * label (a container's name) or an IP literal is a simulated carrier, without TLS.
 */
function originOfHost(host: string): string {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const local =
    name.startsWith('[') || !name.includes('.') || name.endsWith('.localhost') || /^\d+(?:\.\d+){3}$/.test(name);
  return `${local ? 'http' : 'https'}://${host}`;
}

/** Checks the configured origin once, at the start; throws CONFIG_INVALID. */
export function publicUrls({ publicUrl, signed }: PublicUrlOptions): PublicUrls {
  const configured = publicUrl === undefined ? undefined : checkedOrigin(publicUrl);
  const origin = (request: HostedRequest): string => {
    if (configured !== undefined) return configured;
    if (signed)
      throw new BridgeError(
        'HOST_NOT_ALLOWED',
        'a signing secret is set but PUBLIC_URL is not: set PUBLIC_URL to where carriers reach the bridge',
        { status: 500 },
      );
    const host = request.headers.host ?? '';
    if (!HOST.test(host)) throw new BridgeError('HOST_NOT_ALLOWED', 'the Host header is no host name', { status: 403 });
    return originOfHost(host);
  };
  return {
    http: (request, path) => origin(request) + path,
    // http -> ws and https -> wss.
    ws: (request, path) => origin(request).replace(/^http/i, 'ws') + path,
  };
}

function checkedOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (!plain || !/^https?:$/.test(url.protocol) || /[\s"'<>?#]/.test(text))
    throw new BridgeError(
      'CONFIG_INVALID',
      'PUBLIC_URL must be an http:// or https:// URL without query, credentials or fragment',
    );
  return text.replace(/\/+$/, '');
}

/** Where something that listens on `host` is reached from this machine. */
export function localUrl(host: string, port: number): string {
  const own = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${own.includes(':') ? `[${own}]` : own}:${port}`;
}
