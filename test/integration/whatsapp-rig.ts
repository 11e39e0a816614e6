import type { RecordView } from '../../src/records/http/records-api-routes.ts';
import { Meta, type MetaOptions, NUMBER } from '../../src/simulator/whatsapp/index.ts';
import { openPeers } from '../../src/transport/peer.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, type RigOptions, startRig, until } from './rig.ts';

/** The whole daemon, a model's far end, and Meta with users who call. */

const APP_SECRET = 'the-app-secret-of-the-tests';
const TOKEN = 'the-access-token-of-the-tests';

/** Rigs that are open. Peers are counted for the process: the last of those that ran side by side looks for what any of them left. */
let open = 0;

export interface WhatsAppRigOptions extends RigOptions {
  meta?: Partial<MetaOptions>;
}

export interface WhatsAppRig extends Rig {
  readonly meta: Meta;
  /** What the daemon asked of the Graph API, in order, with the status it was answered with. */
  asked(): Array<[action: string, status: number | undefined]>;
  /** All records, once `count` of them have their end. */
  records(count: number): Promise<RecordView[]>;
}

export async function startWhatsAppRig(options: WhatsAppRigOptions = {}): Promise<WhatsAppRig> {
  const meta = await Meta.start({ appSecret: APP_SECRET, token: TOKEN, ...options.meta });
  const rig = await startRig({
    ...options,
    settings: {
      WHATSAPP_PHONE_NUMBER_ID: NUMBER.id,
      WHATSAPP_ACCESS_TOKEN: TOKEN,
      WHATSAPP_APP_SECRET: APP_SECRET,
      WHATSAPP_VERIFY_TOKEN: 'the-verify-token-of-the-tests',
      GRAPH_API_URL: meta.url,
      ...options.settings,
    },
  });
  meta.webhookUrl = `${rig.url}/whatsapp/webhook`;
  open++;
  return {
    ...rig,
    meta,
    asked: () => meta.graph.log.map(({ action, status }) => [action, status]),
    async records(count) {
      const end = performance.now() + 15_000;
      for (;;) {
        const answer = await askAsOperator(`${rig.url}/records?active=false&limit=200`);
        const { records } = (await answer.json()) as { records: RecordView[] };
        if (records.length >= count || performance.now() > end) return records;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    async close() {
      await rig.close();
      await meta.close();
      if (--open === 0) await until(() => openPeers() === 0, 'all peers to be closed');
    },
  };
}
