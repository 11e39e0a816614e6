import { Readable } from 'node:stream';
import type { FastifyPluginAsync } from 'fastify';
import type { AgentKind } from '../../agents/kind.ts';
import { neededKeys } from '../../agents/target.ts';
import type { Clock } from '../../call/clock.ts';
import { WITHHELD } from '../../call/party.ts';
import type { Dispatch } from '../../dispatch.ts';
import type { Result } from '../../doctor/check.ts';
import { BridgeError } from '../../errors.ts';
import { type AdminOptions, adminGuard, needsRole, OWN_ADDRESS } from '../../http/admin.ts';
import { answerErrors } from '../../http/api-error.ts';
import { checked } from '../../http/checked.ts';
import { ADMIN } from '../../http/operators.ts';
import { parseParty } from '../../numbering/party.ts';
import { filesOnDisk } from '../../operator-file.ts';
import { DRAFT_MS } from '../drafts.ts';
import { WorkbenchError } from '../errors.ts';
import type { AgentFiles, AgentFilesOptions } from '../files.ts';
import type { Setup } from '../setup.ts';
import type { Trial, Tried } from '../trial.ts';
import { workbenchRoutes as routes, TEXT_BODY_BYTES } from './workbench-routes.ts';

export interface WorkbenchApiOptions {
  readonly admin: AdminOptions;
  readonly clock: Pick<Clock, 'wall'>;
  readonly files: AgentFiles;
  readonly dispatch: Pick<Dispatch, 'explain' | 'inside' | 'saysAddress'>;
  /** The kinds of agents that there are. */
  readonly kinds: readonly AgentKind[];
  readonly check: AgentFilesOptions['check'];
  readonly tryTool: (trial: Trial) => Promise<Tried>;
  readonly setup: () => Setup;
  /** Examines the daemon; told each result as it comes. */
  readonly examine: (tell: (result: Result) => void) => Promise<unknown>;
}

/** Tools that are tried at once: each has a copy of the business's data, and a thread, of its own. */
const TRIALS_MOST = 4;

/** `/agents` and `/setup`: what agents are made of, for whoever builds them. Nothing that is logged holds a text of theirs. */
export const workbenchApi: FastifyPluginAsync<WorkbenchApiOptions> = async (app, options) => {
  const { files, dispatch, clock } = options;
  answerErrors(app);
  app.addHook('onRequest', adminGuard(options.admin));
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));

  // All files are read and checked: whoever asks meanwhile has the same answer.
  let checking: ReturnType<typeof options.check> | undefined;
  const checkedOnDisk = () => {
    checking ??= options.check(filesOnDisk).finally(() => {
      checking = undefined;
    });
    return checking;
  };

  app.get(routes.agents.url, { config: { describes: routes.agents } }, async () => {
    await dispatch.inside.refresh();
    const { prompts, tools, routes: routed } = dispatch.inside;
    const [{ problems, warnings }, names, readOnly] = await Promise.all([
      checkedOnDisk(),
      files.names(),
      files.whyReadOnly(),
    ]);
    return {
      prompts: prompts.all().map(({ name, agent, settings }) => ({
        name,
        file: `prompts/${name}.md`,
        description: settings.description ?? null,
        agent,
        tools: settings.tools ?? null,
      })),
      routes: routed.routes.map(({ name, to, from, when, prompt, agent }) => ({
        name,
        to: to ?? null,
        from: from ?? null,
        timed: when !== undefined,
        prompt: prompt ?? null,
        agent: agent.kind,
      })),
      kinds: options.kinds.flatMap((kind) => {
        const needs = neededKeys(kind);
        return needs === undefined ? [] : [{ name: kind.name, title: kind.title, needs }];
      }),
      timezone: routed.timezone,
      tools: tools.all().map(({ name, source, enabled, description, schema, touches }) => ({
        name,
        source,
        enabled,
        description,
        parameters: schema,
        touches,
      })),
      files: names,
      readOnly: readOnly ?? null,
      problems,
      warnings,
    };
  });

  app.get(routes.file.url, { config: { describes: routes.file } }, async (request) => {
    const { name, version } = checked(routes.file.query, request.query, 'query');
    return version === undefined ? files.read(name) : files.version(name, version);
  });

  app.get(routes.versions.url, { config: { describes: routes.versions } }, async (request) => {
    const { name } = checked(routes.versions.query, request.query, 'query');
    return { versions: await files.versions(name) };
  });

  app.post(routes.check.url, { config: { describes: routes.check }, bodyLimit: TEXT_BODY_BYTES }, async (request) => {
    const { name, text } = checked(routes.check.body, request.body, 'body');
    const { problems, warnings } = await files.check(name, text);
    return { problems, warnings };
  });

  app.post(routes.save.url, { config: { describes: routes.save }, bodyLimit: TEXT_BODY_BYTES }, async (request) => {
    const { name, text, expect } = checked(routes.save.body, request.body, 'body');
    const { name: by = 'admin' } = request.operator ?? {};
    request.auditTarget = name;
    const saved = await files.save(name, text, by, expect);
    // What is being checked was read before.
    checking = undefined;
    request.log.info({ file: name, hash: saved.hash }, 'a file of agents was saved by an operator');
    return saved;
  });

  app.post(
    routes.draft.url,
    { config: { describes: routes.draft }, bodyLimit: TEXT_BODY_BYTES },
    async (request, reply) => {
      const { text } = checked(routes.draft.body, request.body, 'body');
      const { operator = ADMIN } = request;
      // A draft can be called at once: what may not be ordered may not be drafted.
      const look = ({ agent }: { readonly agent: string }) => {
        if (dispatch.saysAddress(agent)) needsRole(operator, 'admin', OWN_ADDRESS);
      };
      const prompt = await dispatch.inside.drafts.add(text, look).catch((error: unknown) => {
        if (!(error instanceof BridgeError)) throw error;
        throw new WorkbenchError('FILE_WRONG', 'the draft is wrong', error.message.split('\n'));
      });
      request.auditTarget = prompt;
      return reply.code(201).send({ prompt, seconds: DRAFT_MS / 1_000 });
    },
  );

  app.post(routes.answer.url, { config: { describes: routes.answer } }, async (request) => {
    const { to, from, at } = checked(routes.answer.body, request.body, 'body');
    const { prompt, ...explained } = await dispatch.explain(
      {
        to: to === undefined ? undefined : parseParty(to),
        from: from === undefined ? WITHHELD : parseParty(from),
        direction: 'inbound',
      },
      at === undefined ? clock.wall() : Date.parse(at),
    );
    return { ...explained, prompt: prompt ?? null };
  });

  let trying = 0;
  app.post(routes.tryTool.url, { config: { describes: routes.tryTool } }, async (request) => {
    const { name } = checked(routes.tryTool.params, request.params, 'path');
    request.auditTarget = name;
    const trial = { name, ...checked(routes.tryTool.body, request.body, 'body') };
    if (trying >= TRIALS_MOST) throw new WorkbenchError('TRIALS_TOO_MANY', 'too many tools are being tried');
    trying++;
    try {
      return await options.tryTool(trial);
    } finally {
      trying--;
    }
  });

  app.get(routes.setup.url, { config: { describes: routes.setup } }, async () => options.setup());

  let examining = false;
  app.post(routes.doctor.url, { config: { describes: routes.doctor } }, async (request, reply) => {
    if (examining) throw new WorkbenchError('DOCTOR_RUNNING', 'the doctor is looking already');
    examining = true;
    const lines = new Readable({ read() {} });
    const tell = (result: Result) => void lines.push(`${JSON.stringify(result)}\n`);
    void options
      .examine(tell)
      // Calls go on: what breaks here must not be an error that nobody catches.
      .catch((err: unknown) => {
        request.log.error({ err }, 'the doctor could not go on');
        tell({ name: 'doctor', status: 'fail', detail: 'The doctor could not go on: the log says why.' });
      })
      .finally(() => {
        examining = false;
        lines.push(null);
      });
    return reply.type('application/x-ndjson').send(lines);
  });
};
