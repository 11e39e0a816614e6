import { join } from 'node:path';
import { checkAll } from '../agent-files/check.ts';
import { secretSettings } from '../callers/phone/carriers/index.ts';
import { environment } from '../config.ts';
import { examineLive } from '../workbench/examination.ts';
import { AgentFiles, type AgentFilesOptions } from '../workbench/files.ts';
import { workbenchApi } from '../workbench/http/workbench-api.ts';
import { setupOf } from '../workbench/setup.ts';
import { tryTool } from '../workbench/trial.ts';
import type { Base, Feature } from './feature.ts';

/** What agents are made of, seen, edited and tried: `/agents` and `/setup`. */
export function openWorkbench({ config, carriers, clock, log }: Base): Feature {
  return {
    install({ http, dispatch, agents, admin, lines }) {
      const check: AgentFilesOptions['check'] = (files) => checkAll(config, environment, agents.kinds, files);
      const files = new AgentFiles({
        prompts: config.PROMPTS_DIR,
        routes: config.ROUTES_FILE,
        history: join(config.DATA_DIR, 'agent-files'),
        editable: config.AGENT_FILES === 'editable',
        clock,
        check,
      });
      const policy = { allow: config.DIAL_ALLOW, deny: config.DIAL_DENY };
      http.app.register(workbenchApi, {
        admin,
        clock,
        files,
        dispatch,
        kinds: agents.kinds,
        check,
        tryTool: (trial) =>
          tryTool(
            {
              tools: dispatch.inside.tools,
              database: join(config.DATA_DIR, 'voicebridge.db'),
              zone: config.BUSINESS_TIMEZONE,
              knowledge: config.KNOWLEDGE_DIR,
              policy,
              clock,
              log: log.child({ part: 'trial' }),
            },
            trial,
          ),
        setup: () =>
          setupOf({
            publicUrl: config.PUBLIC_URL,
            standard: dispatch.standard,
            simulated: dispatch.standard.simulated === true,
            carriers,
            secrets: secretSettings(carriers),
            hasToken: config.ADMIN_TOKEN.length > 0,
            placesWith: lines?.forOrders?.account.carrier,
          }),
        examine: async (tell) => {
          const address = http.app.server.address();
          const port = typeof address === 'object' && address !== null ? address.port : config.PORT;
          await examineLive(config, { agents: agents.kinds, carriers }, port, tell);
        },
      });
    },
  };
}
