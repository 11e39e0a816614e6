import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real nginx before a daemon. */
export interface Nginx {
  readonly url: string;
  close(): Promise<void>;
}

/** Why there is none on this machine; undefined where there is one. */
export const noNginx = spawnSync('nginx', ['-v']).error === undefined ? undefined : 'no nginx is installed';

/** With the configuration that every tutorial has. */
export const nginx = (to: string): Promise<Nginx> => started(`location / { proxy_pass ${to}; }`);

/** With what its own documents say of many requests and of WebSockets: connections to the daemon are kept and used again. */
export const nginxKeepAlive = (to: string): Promise<Nginx> =>
  started(
    `location / {
      proxy_pass http://daemon;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_header;
      proxy_read_timeout 2h;
    }`,
    `map $http_upgrade $connection_header { default upgrade; '' ''; }
     upstream daemon { server ${new URL(to).host}; keepalive 16; }`,
  );

async function started(server: string, http = ''): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-nginx-'));
  const free = createServer();
  await new Promise<void>((done) => free.listen(0, '127.0.0.1', done));
  const address = free.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((done) => free.close(done));
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${folder}/${what};`,
  );
  const conf = `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events {}
http { access_log off; ${temp.join(' ')} ${http} server { listen 127.0.0.1:${port}; ${server} } }`;
  writeFileSync(join(folder, 'nginx.conf'), conf);
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: 'ignore' });
  const exit = new Promise((done) => child.once('exit', done));
  const url = `http://127.0.0.1:${port}`;
  for (let n = 0; n < 100; n++) {
    if (await fetch(`${url}/health/live`).catch(() => undefined)) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  return {
    url,
    async close() {
      child.kill();
      await exit;
      rmSync(folder, { recursive: true });
    },
  };
}
