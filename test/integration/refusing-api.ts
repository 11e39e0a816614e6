import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A model's API that takes no key. */
export async function refusingApi() {
  const server = createServer((_request, response) => {
    response.writeHead(401, { 'content-type': 'application/json' });
    const message = 'Incorrect API key provided: sk-test-****0000. You can find your API key at your account.';
    response.end(JSON.stringify({ error: { code: 'invalid_api_key', message } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
