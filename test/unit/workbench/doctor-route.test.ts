import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { type WorkbenchApiOptions, workbenchApi } from '../../../src/workbench/http/workbench-api.ts';

const TOKEN = 'admin-token-of-sixteen-and-more';

it('a doctor that breaks is told as what failed, harms no call, and can be asked again', async () => {
  const app = Fastify();
  let broken = true;
  await app.register(workbenchApi, {
    admin: { tokens: [TOKEN] },
    examine: async (tell: (result: object) => void) => {
      tell({ name: 'settings', status: 'pass', detail: 'good' });
      if (broken) throw new Error('no such file');
    },
  } as unknown as WorkbenchApiOptions);
  const ask = async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/setup/doctor', headers });
    const lines = body.trim().split('\n');
    return [statusCode, ...lines.map((line) => JSON.parse(line)).map(({ name, status }) => `${name} ${status}`)];
  };
  expect(await ask()).toEqual([200, 'settings pass', 'doctor fail']);
  broken = false;
  expect(await ask()).toEqual([200, 'settings pass']);
  await app.close();
});
