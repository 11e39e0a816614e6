import { Gauge } from 'prom-client';
import { Credentials } from '../admission/credentials.ts';
import { Reach } from '../admission/reach.ts';
import { checkAll } from '../agent-files/check.ts';
import { FilesWatch } from '../agent-files/watch.ts';
import type { OpenedAgent } from '../agents/kind.ts';
import { type Config, environment } from '../config.ts';
import { healthRoutes, type Readiness } from '../health/health-route.ts';
import { metricsRoute } from '../health/metrics-route.ts';
import { statusRoute } from '../health/status-route.ts';
import type { StatusView } from '../health/status-view.ts';
import type { HostedRequest, PublicUrls } from '../http/public-url.ts';
import { version } from '../version.ts';
import type { Base, Feature } from './feature.ts';

/** What orchestrators and Prometheus ask: liveness, readiness, metrics. */
export function openHealth({ config, clock, log, metrics, memory, machine, fleet }: Base): Feature {
  /** Of each kind of agent that is open and has a far end. */
  const reaches = new Map<OpenedAgent, Reach>();
  const keys = new Map<OpenedAgent, Credentials>();
  let files: FilesWatch | undefined;
  const startedAt = new Date(clock.wall()).toISOString();
  return {
    install({ http, calls, dispatch, agents, admin, admission, isDraining, urls, lines, placers, problems: others }) {
      agents.watch(({ kind: { name }, agent }) => {
        const { probe, refusal } = agent;
        if (refusal !== undefined) {
          const told = (why: string | undefined) => {
            if (why === undefined) log.info({ agent: name }, 'the credentials of agents are taken again');
            else log.error({ agent: name, why }, 'the credentials of agents are refused; no call can be answered');
          };
          keys.set(agent, new Credentials({ clock, refusal, told }));
        }
        if (probe === undefined) return;
        const changed = (reachable: boolean, why: string | undefined) => {
          const isStandard = agent === dispatch.standard;
          if (isStandard && reachable) log.info({}, 'the model can be reached again');
          else if (isStandard) log.error({ why }, 'the model cannot be reached; no new calls should come here');
          else if (reachable) log.info({ agent: name }, 'agents of a kind can be reached again');
          else
            log.error(
              { agent: name, why },
              'agents of a kind cannot be reached; calls for them are tried all the same',
            );
        };
        reaches.set(agent, new Reach({ clock, probe, changed }));
      });
      const readiness = (): Readiness => {
        if (isDraining()) return 'draining';
        if (admission.sharedAway) return 'memory-away';
        if (admission.overloaded) return 'overloaded';
        const { standard } = dispatch;
        if (admission.refusesModel(standard.model) || keys.get(standard)?.refused !== undefined) return 'model-refuses';
        return reaches.get(standard)?.reachable === false ? 'model-unreachable' : 'ok';
      };
      machine?.watch(readiness);
      files = new FilesWatch({
        clock,
        folders: [config.PROMPTS_DIR, config.TOOLS_DIR, config.KNOWLEDGE_DIR],
        files: [config.ROUTES_FILE, config.MCP_FILE],
        async check() {
          // What is right counts, whether a call comes or not.
          await dispatch.inside.refresh();
          return checkAll(config, environment, agents.kinds);
        },
        changed: (problems) => {
          if (problems.length === 0) log.info({}, 'the files of the agents are as they should be');
          else log.error({ problems }, 'files of the agents are wrong; what was read of them before stays');
        },
      });
      const problems = (): StatusView['problems'] => [
        ...[...keys.values()].flatMap(({ refused: text }) =>
          text === undefined ? [] : [{ area: 'model' as const, text }],
        ),
        ...(files?.problems ?? []).map((text) => ({ area: 'files' as const, text })),
        ...(fleet.problem === undefined ? [] : [{ area: 'fleet' as const, text: fleet.problem }]),
        ...others(),
      ];
      new Gauge({
        name: 'voicebridge_agent_file_problems',
        help: 'What is wrong in prompts, routes, tools and knowledge as they are now.',
        registers: [metrics.registry],
        aggregator: 'max',
        collect() {
          this.set(files?.problems.length ?? 0);
        },
      });
      const ready = new Gauge({
        name: 'voicebridge_ready',
        help: 'Whether new calls may come: 1, or 0 with why.',
        labelNames: ['status'],
        registers: [metrics.registry],
        collect() {
          ready.reset();
          const status = readiness();
          ready.set({ status }, status === 'ok' ? 1 : 0);
        },
      });
      new Gauge({
        name: 'voicebridge_memory_here',
        help: 'Whether what instances share of calls can be reached: 1 or 0. A daemon that is alone has it itself.',
        registers: [metrics.registry],
        aggregator: 'min',
        collect() {
          this.set(memory.state === 'here' ? 1 : 0);
        },
      });
      http.app.register(healthRoutes, {
        readiness: () => machine?.health?.readiness ?? readiness(),
        degraded: () => problems().length > 0,
        memoryAway: () => memory.state === 'away',
        health: () => {
          if (machine?.health !== undefined) {
            const { readiness: all, calls: activeSessions, uptime, memory: held } = machine.health;
            return { status: all === 'draining' ? 'draining' : 'ok', activeSessions, uptime, memory: held };
          }
          const { rss, heapTotal, heapUsed } = process.memoryUsage();
          return {
            status: isDraining() ? 'draining' : 'ok',
            activeSessions: calls.size,
            uptime: process.uptime(),
            memory: { rss, heapTotal, heapUsed },
          };
        },
      });
      http.app.register(statusRoute, {
        admin,
        async status(request) {
          const { opened } = agents;
          return {
            version: version(),
            startedAt,
            readiness: machine?.health?.readiness ?? readiness(),
            problems: problems(),
            ...webhookOf(urls, request),
            webhookIsPublic: config.PUBLIC_URL !== undefined,
            agents: [dispatch.standard, ...opened.filter((one) => one !== dispatch.standard)].map(
              ({ about, model, simulated = false, transcription, transcriptionCure, voices }) => ({
                about,
                model,
                simulated,
                ...(transcription === undefined ? {} : { transcription }),
                ...(voices === undefined ? {} : { voices: [...voices] }),
                ...(transcription === null && transcriptionCure !== undefined ? { transcriptionCure } : {}),
              }),
            ),
            prompts: [...(await dispatch.promptNames())],
            can: abilities(config, {
              byPhone: lines?.forOrders !== undefined,
              whatsapp: placers.some((placer) => placer.takes('whatsapp:+12025550143')),
              anybodyCalls: config.BROWSER_ACCESS === 'public',
            }),
          };
        },
      });
      http.app.register(metricsRoute, {
        exposition: () => (machine ?? metrics).exposition(),
        ...(config.METRICS_ACCESS === 'public' ? {} : { admin }),
      });
    },
    async close() {
      for (const one of [...reaches.values(), ...keys.values()]) one.close();
      files?.close();
    },
  };
}

/** The address of the carriers' webhook, as far as it can be told. */
function webhookOf(urls: PublicUrls, request: HostedRequest): { webhook?: string } {
  try {
    return { webhook: urls.http(request, '/incoming-call') };
  } catch {
    // Carriers prove themselves, and PUBLIC_URL, which their signatures cover, is not set.
    return {};
  }
}

/** What operators can do, and which settings would let them. */
function abilities(
  { DIAL_ALLOW, OUTBOUND_FROM }: Pick<Config, 'DIAL_ALLOW' | 'OUTBOUND_FROM'>,
  { byPhone, ...known }: { readonly byPhone: boolean; readonly whatsapp: boolean; readonly anybodyCalls: boolean },
): StatusView['can'] {
  if (DIAL_ALLOW.length === 0) {
    const none = { why: 'No number may be called: DIAL_ALLOW names none.', settings: ['DIAL_ALLOW'] };
    return { place: none, transfer: none, ...known };
  }
  if (known.whatsapp || (byPhone && OUTBOUND_FROM !== undefined)) return { place: {}, transfer: {}, ...known };
  return {
    place: byPhone
      ? { why: 'No number is set to call from.', settings: ['OUTBOUND_FROM'] }
      : { why: 'No carrier’s REST credentials are set, with which calls are placed.', settings: ['OUTBOUND_CARRIER'] },
    transfer: {},
    ...known,
  };
}
