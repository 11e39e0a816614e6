import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AGENTS } from '../src/agents/index.ts';
import { CARRIERS } from '../src/callers/phone/carriers/index.ts';

const root = resolve(import.meta.dirname, '..');

function filesUnder(folder: string, kinds = /\.ts$/): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && kinds.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const read = (file: string) => readFileSync(join(root, file), 'utf8');
/** The text with its comments as `change` leaves them. */
const withComments = (text: string, change: (comment: string) => string) =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, change)
    .replace(/(^|\s)(\/\/.*)$/gm, (_, before, comment) => before + change(comment));

const code = (file: string) => withComments(read(file), () => '');

/** What a file imports: ours as paths from the root, others by package name. `text`: of it, what is looked at. */
function importsOf(file: string, text = code(file)): string[] {
  const found = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|import\.meta\.url\)\(|\brequire\(\s*)'([^'\n]+)'/g);
  return [...found].map(([, name = '']) =>
    name.startsWith('.') ? relative(root, resolve(root, dirname(file), name)) : name,
  );
}

/** Vendor connection libraries, each with the only file that may import it. */
const CONNECTION_LIBRARIES: Record<string, string> = {
  ws: 'src/transport/socket.ts',
  '@roamhq/wrtc': 'src/transport/wrtc.ts',
  '@livekit/rtc-node': 'src/transport/room.ts',
  'livekit-server-sdk': 'src/transport/room-server.ts',
  pg: 'src/records/postgres-client.ts',
  ioredis: 'src/memory/redis-client.ts',
  werift: 'src/simulator/whatsapp/rtp-peer.ts',
};

interface Rule {
  says: string;
  /** Files the rule is about. */
  about: (file: string) => boolean;
  /** Whether this import breaks it. */
  forbids: (imported: string, file: string) => boolean;
  /** A file, real or not, and an import that would break it. */
  breaks: readonly [file: string, imported: string];
}

const under = (folder: string) => (file: string) => file.startsWith(folder);
const part = (file: string, depth: number) => file.split('/').slice(0, depth).join('/');
const isOurs = (imported: string) => /^(src|tools|web)\//.test(imported);
const CALL_TYPES = new Set(
  [
    'leg',
    'events',
    'termination',
    'clock',
    'ticker',
    'counters',
    'party',
    'carrier-call',
    'run-limit',
    'said',
    'worst',
    // Pure: keys as sound, and how much of what an agent said was heard.
    'dtmf-tones',
    'playout',
  ].map((name) => `src/call/${name}.ts`),
);
/** What an observer of calls may see of them beside their events: who calls whom, and the port by which audio is listened to. */
const WATCHED = new Set([...CALL_TYPES, 'src/call/info.ts', 'src/call/tap.ts']);

/** Rooms, as whoever is in one sees them. */
const ROOMS = new Set(['src/rooms/room.ts', 'src/rooms/pool/rooms.ts', 'src/rooms/pool/connection.ts']);

/** Files that an operator writes are read in one place, so that each part understands, or refuses, the same of them. */
const OPERATOR_FILES = new Set(['src/operator-file.ts', 'src/operator-text.ts', 'src/suggest.ts']);

/** What joins a part to the daemon, beside it: its routes and sockets, its settings. Of this the part itself knows nothing. */
const isJoint = (file: string) => /^src\/[^/]+(\/[^/]+)?\/(http\/|settings\.ts$)/.test(file) || isAgentJoint(file);
/** What makes a kind of agent of a leg, and the port and the table of them. */
const isAgentJoint = (file: string) =>
  /^src\/agents\/([^/]+|[^/]+\/(kind|settings|labels|prompt-options|prompted|session-size|endpoint)|[^/]+\/doctor\/[^/]+)\.ts$/.test(
    file,
  );
/** A file of a carrier's folder, or of a family's. */
const isCarrier = (file: string) => /^src\/callers\/phone\/carriers\/[^/]+\//.test(file);

/** For parts of the daemon that are whole in themselves: of ours they import their own folder, and what is named. */
const nothingBut =
  (...allowed: ReadonlyArray<string | ReadonlySet<string>>) =>
  (imported: string, file: string): boolean =>
    isOurs(imported) &&
    !imported.startsWith(`${part(file, 2)}/`) &&
    !allowed.some((one) => (typeof one === 'string' ? imported.startsWith(one) : one.has(imported)));

const rules: Rule[] = [
  {
    says: 'media/ imports nothing of ours but media/, and no I/O',
    about: under('src/media/'),
    forbids: (i) =>
      isOurs(i)
        ? !i.startsWith('src/media/')
        : i !== 'node:module' && (i.startsWith('node:') || builtinModules.includes(i)),
    breaks: ['src/media/x.ts', 'node:fs'],
  },
  {
    says: 'call/ knows no vendor, no leg, no server: it imports call/ and media/ alone',
    about: under('src/call/'),
    forbids: (i) => (isOurs(i) ? !i.startsWith('src/call/') && !i.startsWith('src/media/') : true),
    breaks: ['src/call/x.ts', 'src/callers/phone/leg.ts'],
  },
  {
    says: 'a leg imports transport/, media/, process/, rooms by their port and their pool, the ports and values of call/, errors, kinds of addresses and its own folder (the port of carriers: the shape of settings too; steps that people write: hints at what was meant; a test caller: the tape, and how words are compared; a page: the leg of all WebRTC callers), and what kinds of agents have in common (agents/common/, agents/stream/): no other leg, never the call, stores, metrics, http or config',
    about: (file) => (under('src/callers/')(file) || under('src/agents/')(file)) && !isJoint(file) && !isCarrier(file),
    forbids: (i, file) =>
      isOurs(i) &&
      !(
        i.startsWith('src/transport/') ||
        i.startsWith('src/media/') ||
        i.startsWith('src/process/') ||
        ROOMS.has(i) ||
        CALL_TYPES.has(i) ||
        ['addresses', 'call/transfer', 'errors', 'log'].some((name) => i === `src/${name}.ts`) ||
        (i === 'src/settings.ts' && file === 'src/callers/phone/carriers/carrier.ts') ||
        (i === 'src/suggest.ts' && file === 'src/callers/test/steps.ts') ||
        (/^src\/measure\/(tape|spelling)\.ts$/.test(i) && file.startsWith('src/callers/test/')) ||
        (/^src\/agents\/(common|stream)\//.test(i) && under('src/agents/')(file)) ||
        (i === 'src/callers/webrtc/leg.ts' && /^src\/callers\/(browser|whatsapp)\//.test(file)) ||
        (i.startsWith(`${part(file, 3)}/`) && !isJoint(i))
      ),
    breaks: ['src/agents/x/leg.ts', 'src/agents/openai/leg.ts'],
  },
  {
    says: "a carrier is whole in its folder: it imports the phone's ports, the family it is of, transport/, media/ and values, and no other carrier, call, server or config",
    about: isCarrier,
    forbids: (i, file) =>
      isOurs(i) &&
      !(
        i.startsWith('src/transport/') ||
        i.startsWith('src/media/') ||
        i.startsWith('src/numbering/') ||
        CALL_TYPES.has(i) ||
        ['addresses', 'call/transfer', 'errors', 'log', 'settings', 'spoken'].some((name) => i === `src/${name}.ts`) ||
        i.startsWith(`${part(file, 5)}/`) ||
        i.startsWith('src/callers/phone/carriers/laml/') ||
        (i.startsWith('src/callers/phone/') && !isCarrier(i) && !isJoint(i))
      ),
    breaks: ['src/callers/phone/carriers/x/rest.ts', 'src/callers/phone/carriers/twilio/rest.ts'],
  },
  {
    says: 'a kind of agent is whole in its folder: beside the leg it imports the port of agents, what a check of the doctor, a probe and a label are, and the readers of settings and files; no other kind, call, prompt, route, server or config',
    about: isAgentJoint,
    forbids: (i, file) =>
      isOurs(i) &&
      !(
        i.startsWith('src/transport/') ||
        i.startsWith('src/media/') ||
        CALL_TYPES.has(i) ||
        OPERATOR_FILES.has(i) ||
        ['addresses', 'errors', 'log', 'settings'].some((name) => i === `src/${name}.ts`) ||
        ROOMS.has(i) ||
        ['admission/reach', 'agents/kind', 'doctor/check', 'metrics/labels', 'tools/loaded'].some(
          (name) => i === `src/${name}.ts`,
        ) ||
        // Where no model is named a simulated one stands in for it.
        (i === 'src/simulator/realtime/index.ts' && file.endsWith('/endpoint.ts')) ||
        i.startsWith(`${part(file, 3)}/`) ||
        /^src\/agents\/(common|stream)\//.test(i) ||
        file === 'src/agents/index.ts'
      ),
    breaks: ['src/agents/x/kind.ts', 'src/agents/openai/leg.ts'],
  },
  {
    says: 'a carrier dialect knows no socket, no codec',
    about: (file) => isCarrier(file) && file.endsWith('/media.ts'),
    forbids: (i) => i.startsWith('src/transport/') || i.startsWith('src/media/'),
    breaks: ['src/callers/phone/carriers/x/media.ts', 'src/media/codecs.ts'],
  },
  {
    says: 'transport/ imports the clock, the errors and kinds of addresses alone',
    about: under('src/transport/'),
    forbids: nothingBut('src/call/clock.ts', 'src/errors.ts', 'src/addresses.ts'),
    breaks: ['src/transport/x.ts', 'src/call/events.ts'],
  },
  {
    says: 'http/ is plumbing: it knows no caller, agent, order, record or feature, no call, and no config',
    about: under('src/http/'),
    forbids: nothingBut(
      CALL_TYPES,
      'src/admission/',
      'src/transport/',
      'src/memory/memory.ts',
      ...['addresses', 'errors', 'log', 'settings'].map((name) => `src/${name}.ts`),
    ),
    breaks: ['src/http/x.ts', 'src/config.ts'],
  },
  {
    says: 'routes beside their parts know the plumbing of http/ and what they serve: no config, no simulator, no feature',
    about: (file) => /^src\/[^/]+(\/[^/]+)?\/http\//.test(file),
    forbids: (i) => i === 'src/app.ts' || i.startsWith('src/simulator/') || i.startsWith('src/features/'),
    breaks: ['src/records/http/x.ts', 'src/features/records.ts'],
  },
  {
    says: 'stores/ is a database behind ports: of ours it imports its thread, errors, wall time and who somebody is, no call and no tool',
    about: under('src/stores/'),
    forbids: nothingBut(
      'src/thread/',
      'src/call/party.ts',
      'src/numbering/',
      'src/errors.ts',
      'src/zone.ts',
      OPERATOR_FILES,
    ),
    breaks: ['src/stores/x.ts', 'src/tools/ports.ts'],
  },
  {
    says: 'thread/ carries questions to a thread and answers back: of ours it imports the clock and the errors alone',
    about: under('src/thread/'),
    forbids: nothingBut('src/call/clock.ts', 'src/errors.ts'),
    breaks: ['src/thread/x.ts', 'src/stores/store.ts'],
  },
  {
    says: 'process/ starts a process of ours and knows why it ended: of ours it imports the clock and the errors alone',
    about: under('src/process/'),
    forbids: nothingBut('src/call/clock.ts', 'src/errors.ts'),
    breaks: ['src/process/x.ts', 'src/workers/primary.ts'],
  },
  {
    says: 'workers/ hands connections to processes: worker.ts makes the app of one, run.ts reads the settings; the rest knows no call, no part and no config',
    about: (file) => under('src/workers/')(file) && !/^src\/workers\/(worker|run|settings)\.ts$/.test(file),
    forbids: nothingBut(
      CALL_TYPES,
      'src/process/',
      'src/memory/',
      'src/health/',
      'src/metrics/json.ts',
      'src/http/connections.ts',
      'src/http/client-address.ts',
      'src/errors.ts',
    ),
    breaks: ['src/workers/x.ts', 'src/app.ts'],
  },
  {
    says: 'processes are started by main.ts alone, and none of the parts that they are made of knows of it',
    about: (file) => under('src/')(file) && !under('src/workers/')(file) && file !== 'src/main.ts',
    forbids: (i) => i.startsWith('src/workers/') && i !== 'src/workers/settings.ts',
    breaks: ['src/features/x.ts', 'src/workers/primary.ts'],
  },
  {
    says: 'memory/ is what a process remembers of calls, behind one port: of ours it imports the clock, that of the machine and the errors alone, and never one of its users',
    about: under('src/memory/'),
    forbids: nothingBut('src/call/clock.ts', 'src/process/machine-clock.ts', 'src/errors.ts'),
    breaks: ['src/memory/x.ts', 'src/callers/phone/http/call-memory.ts'],
  },
  {
    says: 'what is behind the port of memory/ is chosen by who makes the daemon: its users see the port alone',
    about: (file) => under('src/')(file) && !under('src/memory/')(file) && !under('src/cli/')(file),
    forbids: (i, file) =>
      /^src\/memory\/(local|local-window|local-leases|local-channel|hour-file)\.ts$/.test(i) ||
      (/^src\/memory\/ipc(-[a-z]+)?\.ts$/.test(i) && !file.startsWith('src/workers/')) ||
      (i === 'src/memory/open.ts' && file !== 'src/app.ts' && !/^src\/workers\/(run|worker)\.ts$/.test(file)),
    breaks: ['src/orders/x.ts', 'src/memory/local.ts'],
  },
  {
    says: 'fleet/ is who has which call, and how one instance asks another: it imports what may be watched of calls, the port of memory/, errors and settings, and no call, caller, order or config',
    about: (file) => under('src/fleet/')(file) && !under('src/fleet/http/')(file),
    forbids: nothingBut(WATCHED, 'src/memory/memory.ts', 'src/errors.ts', 'src/settings.ts'),
    breaks: ['src/fleet/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'continuity/ is what others need to go on with a call: it imports what may be watched of calls and the port of memory/, and no call, caller, agent or fleet',
    about: under('src/continuity/'),
    forbids: nothingBut(WATCHED, 'src/memory/memory.ts', 'src/errors.ts'),
    breaks: ['src/continuity/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'metrics watch calls: of ours they import call/events and values beside it, and errors, never a call',
    about: under('src/metrics/'),
    forbids: nothingBut(CALL_TYPES, 'src/errors.ts'),
    breaks: ['src/metrics/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'tools/ of the daemon act through ports: they import values of call/, and no store, prompt, route, leg, server or config',
    about: under('src/tools/'),
    forbids: nothingBut(
      CALL_TYPES,
      OPERATOR_FILES,
      'src/call/line-controls.ts',
      'src/memory/hour-limit.ts',
      'src/call/transfer.ts',
      'src/transport/undici.ts',
      'src/numbering/',
      ...['addresses', 'errors', 'settings', 'folder', 'signing'].map((name) => `src/${name}.ts`),
    ),
    breaks: ['src/tools/x.ts', 'src/stores/store.ts'],
  },
  {
    says: 'prompts/ and routing/ decide by what they are given: they know who somebody is and how an agent is written, and no tool, no store, no call and not each other',
    about: (file) => under('src/prompts/')(file) || under('src/routing/')(file),
    forbids: nothingBut(
      'src/call/leg.ts',
      'src/call/party.ts',
      'src/agents/target.ts',
      'src/numbering/',
      OPERATOR_FILES,
      ...['errors', 'folder', 'spoken', 'zone'].map((name) => `src/${name}.ts`),
    ),
    breaks: ['src/routing/x.ts', 'src/prompts/library.ts'],
  },
  {
    says: 'numbering/ reads what networks and people write: of ours it imports who somebody is, and nothing that does anything with it',
    about: under('src/numbering/'),
    forbids: nothingBut('src/call/party.ts'),
    breaks: ['src/numbering/x.ts', 'src/errors.ts'],
  },
  {
    says: 'admission/ decides by numbers and events: it imports call/ types and values, errors and settings, never a call or a server',
    about: under('src/admission/'),
    forbids: nothingBut(CALL_TYPES, 'src/errors.ts', 'src/settings.ts'),
    breaks: ['src/admission/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'intake/ makes calls of what callers bring: it knows admission, who answers, the calls, shares of places and the port of memory, and no caller, carrier, agent, route or config',
    about: under('src/intake/'),
    forbids: nothingBut(
      'src/admission/admission.ts',
      'src/call/calls.ts',
      'src/call/info.ts',
      'src/call/termination.ts',
      ...['call/clock', 'call/leg', 'call/party', 'errors', 'memory/memory', 'memory/held-leases'].map(
        (name) => `src/${name}.ts`,
      ),
      'src/dispatch.ts',
      'src/http/pending.ts',
    ),
    breaks: ['src/intake/x.ts', 'src/callers/phone/http/desk.ts'],
  },
  {
    says: 'suites/ calls agents by ports: it knows the port of agents, test callers, measures, values of call/ and the HTTP client, and no call, agent, store, server or config; the embedded service is a far end on a thread',
    about: (file) => under('src/suites/')(file) && !isJoint(file),
    forbids: (i, file) =>
      nothingBut(
        CALL_TYPES,
        OPERATOR_FILES,
        'src/agents/target.ts',
        'src/callers/test/',
        'src/measure/',
        'src/media/',
        'src/transport/http.ts',
        'src/transport/retry.ts',
        ...['errors', 'fenced-json', 'folder', 'log', 'settings'].map((name) => `src/${name}.ts`),
      )(i, file) &&
      !(i === 'src/simulator/realtime/index.ts' && file === 'src/suites/service-worker.ts') &&
      !(under('src/thread/')(i) && /^src\/suites\/service(-worker)?\.ts$/.test(file)),
    breaks: ['src/suites/x.ts', 'src/dispatch.ts'],
  },
  {
    says: 'orders/ places calls and has operators see to those that go on, by ports: it knows the line of operators, and the phone by its control, its addresses and its kinds of carriers, and no call, leg, agent, tool, store or config',
    about: under('src/orders/'),
    forbids: nothingBut(
      WATCHED,
      'src/admission/',
      'src/agents/kind.ts',
      'src/agents/target.ts',
      ...['digits', 'operator-line', 'transfer'].map((name) => `src/call/${name}.ts`),
      'src/callers/phone/carriers/carrier.ts',
      'src/callers/phone/control/',
      'src/callers/phone/http/',
      'src/fleet/',
      'src/http/',
      'src/memory/',
      'src/numbering/',
      'src/webhooks/post.ts',
      ...['errors', 'settings'].map((name) => `src/${name}.ts`),
    ),
    breaks: ['src/orders/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'aftermath/ has a text model say what calls came to: it knows records, what a prompt wants of it, the ports of memory/ and fleet/ and the HTTP client, and no call, agent, route or config; the embedded model is a far end',
    about: under('src/aftermath/'),
    forbids: nothingBut(
      CALL_TYPES,
      'src/fleet/fleet.ts',
      'src/fleet/roll.ts',
      'src/memory/memory.ts',
      'src/prompts/after-call.ts',
      'src/records/',
      'src/simulator/realtime/index.ts',
      'src/transport/http.ts',
      'src/transport/retry.ts',
      ...['errors', 'fenced-json', 'log', 'settings'].map((name) => `src/${name}.ts`),
    ),
    breaks: ['src/aftermath/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'rooms/ is rooms behind a port, whoever is in them: it imports transport/, media/, process/, values of call/ and the errors',
    about: under('src/rooms/'),
    forbids: nothingBut(CALL_TYPES, 'src/transport/', 'src/media/', 'src/process/', 'src/errors.ts'),
    breaks: ['src/rooms/x.ts', 'src/callers/livekit/leg.ts'],
  },
  {
    says: 'health/ and console/ serve what they are given: of ours they import the plumbing of http/ and the errors',
    about: (file) => under('src/health/')(file) || under('src/console/')(file),
    forbids: nothingBut('src/http/', 'src/metrics/json.ts', 'src/errors.ts'),
    breaks: ['src/health/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'workbench/ shows and tries what agents are made of: it never builds the daemon, and no call, leg or feature',
    about: under('src/workbench/'),
    forbids: (i) =>
      /^src\/(app|main|drain)\.ts$/.test(i) ||
      i.startsWith('src/features/') ||
      i.startsWith('src/transport/') ||
      (i.startsWith('src/call/') && !CALL_TYPES.has(i) && !/^src\/call\/(line-controls|transfer)\.ts$/.test(i)),
    breaks: ['src/workbench/x.ts', 'src/app.ts'],
  },
  {
    says: 'live/ tells what records say: it imports records/, what may be watched of calls, and levels of media/, no server and no config',
    about: (file) => under('src/live/')(file) && !isJoint(file),
    forbids: nothingBut(WATCHED, 'src/records/', 'src/media/', 'src/errors.ts', 'src/settings.ts'),
    breaks: ['src/live/x.ts', 'src/http/server.ts'],
  },
  {
    says: 'listening/ has operators hear calls and speak on them: it imports what may be watched of calls and the line of operators, media/, who operators are, how often something may be, and no call, server or config',
    about: (file) => under('src/listening/')(file) && !isJoint(file),
    forbids: nothingBut(
      WATCHED,
      'src/call/operator-line.ts',
      'src/admission/token-bucket.ts',
      'src/media/',
      'src/http/operators.ts',
      'src/http/api-error.ts',
      'src/people/audit.ts',
      'src/errors.ts',
      'src/settings.ts',
    ),
    breaks: ['src/listening/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'people/ is who may operate, and what they did: it imports what operators are, the thread and databases of stores/ and records/, errors and settings, and no call, route or config',
    about: (file) => under('src/people/')(file) && !/^src\/people\/http\//.test(file),
    forbids: nothingBut(
      CALL_TYPES,
      'src/http/operators.ts',
      'src/thread/',
      'src/stores/opened-again.ts',
      'src/stores/queries.ts',
      'src/stores/sqlite.ts',
      ...['client', 'clients', 'schema', 'store'].map((name) => `src/records/postgres-${name}.ts`),
      'src/errors.ts',
      'src/settings.ts',
    ),
    breaks: ['src/people/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'recording/ listens to calls: it imports what may be watched of them, media/ and its thread, and no store, record, server or config',
    about: (file) => under('src/recording/')(file) && !isJoint(file),
    forbids: nothingBut(WATCHED, 'src/media/', 'src/thread/', 'src/errors.ts', 'src/settings.ts'),
    breaks: ['src/recording/x.ts', 'src/call/call.ts'],
  },
  {
    says: 'measure/ judges audio and words: of ours it imports media/, the clock and its thread alone, and never who speaks, or where',
    about: under('src/measure/'),
    forbids: nothingBut('src/media/', 'src/call/clock.ts', 'src/errors.ts', 'src/thread/'),
    breaks: ['src/measure/x.ts', 'src/callers/test/kind.ts'],
  },
  {
    says: 'webhooks/ post what records say: they import records/, signing and the HTTP client, and no call, server or config',
    about: under('src/webhooks/'),
    forbids: nothingBut(
      CALL_TYPES,
      'src/records/',
      'src/transport/http.ts',
      'src/transport/retry.ts',
      'src/transport/undici.ts',
      'src/errors.ts',
      'src/settings.ts',
      'src/signing.ts',
    ),
    breaks: ['src/webhooks/x.ts', 'src/tools/destinations.ts'],
  },
  {
    says: 'tracing/ watches calls: it imports what may be watched of them, the log and settings, and no call, record or server',
    about: under('src/tracing/'),
    forbids: nothingBut(WATCHED, ...['errors', 'log', 'settings'].map((name) => `src/${name}.ts`)),
    breaks: ['src/tracing/x.ts', 'src/records/stream.ts'],
  },
  {
    says: 'the doctor looks from outside, with a part at a time in its hands: it never builds the daemon, and no call',
    about: under('src/doctor/'),
    forbids: (i) =>
      /^src\/(app|main|desk|dispatch|drain)\.ts$/.test(i) ||
      i.startsWith('src/features/') ||
      (i.startsWith('src/call/') && !CALL_TYPES.has(i)),
    breaks: ['src/doctor/x.ts', 'src/app.ts'],
  },
  {
    says: 'a feature joins parts to the daemon: it knows the port of features, not another feature, nor who opens it, nor a leg or its wire',
    about: under('src/features/'),
    forbids: (i) =>
      (i.startsWith('src/features/') && i !== 'src/features/feature.ts') ||
      /^src\/(app|main|desk|drain)\.ts$/.test(i) ||
      (['agents', 'transport', 'simulator', 'cli', 'doctor'].some((folder) => i.startsWith(`src/${folder}/`)) &&
        i !== 'src/agents/kind.ts') ||
      (i.startsWith('src/callers/') && !isJoint(i) && !/^src\/callers\/phone\/(control|carriers)\//.test(i)),
    breaks: ['src/features/x.ts', 'src/features/records.ts'],
  },
  {
    says: 'agent-files/ checks what operators write by those who read it: no server, no call, no config, no doctor and no command',
    about: under('src/agent-files/'),
    forbids: nothingBut(
      CALL_TYPES,
      OPERATOR_FILES,
      'src/agents/',
      'src/prompts/',
      'src/routing/',
      'src/stores/knowledge.ts',
      'src/suites/load.ts',
      'src/tools/',
      ...['apology', 'errors', 'folder'].map((name) => `src/${name}.ts`),
    ),
    breaks: ['src/agent-files/x.ts', 'src/config.ts'],
  },
  {
    says: 'people start commands: no part knows one',
    about: (file) => under('src/')(file) && !under('src/cli/')(file),
    forbids: (i) => i.startsWith('src/cli/'),
    breaks: ['src/doctor/x.ts', 'src/cli/check.ts'],
  },
  {
    says: 'app.ts makes and joins: of callers it knows the table of carriers and the entries of its list, and no leg, route or socket of theirs',
    about: (file) => file === 'src/app.ts',
    forbids: (i) => i.startsWith('src/callers/') && !/^src\/callers\/phone\/carriers\/(carrier|index)\.ts$/.test(i),
    breaks: ['src/app.ts', 'src/callers/phone/http/desk.ts'],
  },
  {
    says: 'features are opened by app.ts alone: no part knows one',
    about: (file) => under('src/')(file) && !under('src/features/')(file) && file !== 'src/app.ts',
    forbids: (i) => i.startsWith('src/features/'),
    breaks: ['src/http/x.ts', 'src/features/feature.ts'],
  },
  {
    says: 'records watch calls: they import call/ types and values, errors, settings, a lock between processes, the thread and databases of stores/, never a call, a leg or http',
    about: (file) => under('src/records/')(file) && !isJoint(file),
    forbids: (i) =>
      isOurs(i) &&
      !CALL_TYPES.has(i) &&
      !OPERATOR_FILES.has(i) &&
      i !== 'src/call/info.ts' &&
      !i.startsWith('src/records/') &&
      !i.startsWith('src/thread/') &&
      !['src/errors.ts', 'src/file-lock.ts', 'src/settings.ts'].includes(i) &&
      !['opened-again', 'queries', 'sqlite'].some((name) => i === `src/stores/${name}.ts`),
    breaks: ['src/records/x.ts', 'src/call/calls.ts'],
  },
  {
    says: 'the simulator is a far end: it shares wires, audio and clocks with the daemon, nothing else',
    about: under('src/simulator/'),
    forbids: (i) =>
      isOurs(i) &&
      !['src/simulator/', 'src/transport/', 'src/media/', 'src/rooms/'].some((folder) => i.startsWith(folder)) &&
      !['src/addresses.ts', 'src/call/clock.ts', 'src/call/ticker.ts', 'src/errors.ts', 'src/log.ts'].includes(i),
    breaks: ['src/simulator/x.ts', 'src/agents/openai/events.ts'],
  },
  {
    says: 'a tool imports nothing of ours but src/tools/tool.ts',
    about: under('tools/'),
    forbids: (i) => isOurs(i) && i !== 'src/tools/tool.ts',
    breaks: ['tools/x.ts', 'src/tools/runner.ts'],
  },
  {
    says: 'a vendor connection library is imported in its one file',
    about: under('src/'),
    forbids: (i, file) => i in CONNECTION_LIBRARIES && CONNECTION_LIBRARIES[i] !== file,
    breaks: ['src/http/x.ts', 'ws'],
  },
];

const files = [...filesUnder('src'), ...filesUnder('tools')];

/** One circle for each file at which a walk along the imports comes back to itself. */
function circles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at !== -1) found.push([...path.slice(at), file]);
    if (at !== -1 || done.has(file)) return;
    for (const next of imports.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  return found;
}

/** Of what the daemon has a table: each has a folder of its own, and its name is that folder's business. */
interface OwnFolder {
  readonly name: string;
  readonly title: string;
  readonly folder: string;
}
const inFolders = (kinds: ReadonlyArray<{ readonly name: string; readonly title: string }>, folder: string) =>
  kinds.map(({ name, title }): OwnFolder => ({ name, title, folder: `${folder}/${name}/` }));
/** Kinds that are called by what carries them, and by no vendor, or by rooms or phones that callers have as well: that word is everybody's. */
const NO_VENDORS = new Set(['websocket', 'livekit', 'phone']);
const KINDS: readonly OwnFolder[] = [
  ...inFolders(CARRIERS, 'src/callers/phone/carriers'),
  ...inFolders(
    AGENTS.filter(({ name }) => !NO_VENDORS.has(name)),
    'src/agents',
  ),
];

const NAMES_SAY =
  'a carrier, or whose agent answers, stands in its own folder and in its table alone: whatever else has to do with it asks the table, and switches on no name';

/** Where a name stands all the same, each with the words around it and why. */
const NAMED_ALL_THE_SAME: ReadonlyArray<{ readonly file: string; readonly words: RegExp; readonly why: string }> = [
  {
    file: 'src/callers/phone/carriers/index.ts',
    words: /^(import .*| {2}\w+Carrier,)$/gm,
    why: 'the table: one line each',
  },
  {
    file: 'src/agents/index.ts',
    words: /^(import .*|export const AGENTS = .*| {2}\w+Agent,)$/gm,
    why: 'the table: one line each',
  },
  {
    file: 'src/cli/simulator.ts',
    words: /the OpenAI-Realtime-compatible server|the openai package/g,
    why: "the simulator's own command: it is the far end that it says it is",
  },
  ...['signature', 'webhook'].map((name) => ({
    file: `src/callers/phone/carriers/signalwire/${name}.ts`,
    words: /\bx-twilio-signature\b|\bX-Twilio-Signature\b|\btwilio\b/g,
    why: 'a header, which another carrier has its name from: its own signature comes under that name, too',
  })),
  {
    file: 'src/callers/phone/settings.ts',
    words: /which SignalWire calls gcloud/g,
    why: 'a sentence of the documents, about a setting that all carriers share: it tells people which name their carrier has for a voice',
  },
];

/** Its names in any spelling: a title of several words may be written apart. */
const spellings = (name: string, title: string) =>
  new RegExp([name, title.replace(/(?<=[a-z])(?=[A-Z])/g, '[-_ ]?')].join('|'), 'i');

/** What of this text, or of the file's own name, names the kind. A comment may say where it knows something from. */
function namesIn(file: string, text: string, { name, title, folder }: OwnFolder): string[] {
  if (file.startsWith(folder) || file.startsWith('src/simulator/')) return [];
  const words = NAMED_ALL_THE_SAME.filter((one) => one.file === file).reduce(
    (left, one) => left.replace(one.words, ''),
    withComments(text, (comment) => comment.replace(/https?:\/\/\S+/g, '')),
  );
  return words
    .split('\n')
    .concat(file)
    .filter((line) => spellings(name, title).test(line))
    .map((line) => `${file} names ${title}: ${NAMES_SAY}\n  ${line.trim()}`);
}

describe('names', () => {
  const named = [
    ...filesUnder('src', /\.(ts|js)$/),
    ...filesUnder('tools'),
    ...filesUnder('web', /\.(js|html|css|svg)$/),
  ];

  it(NAMES_SAY, () => {
    expect(named.flatMap((file) => KINDS.flatMap((kind) => namesIn(file, read(file), kind)))).toEqual([]);
  });

  it.each(KINDS)('would notice $title elsewhere, in code, in a comment and in a page', (kind) => {
    const { name, title, folder } = kind;
    expect(
      named.some((file) => file.startsWith(folder)),
      'it has a folder',
    ).toBe(true);
    const found = (text: string, file = 'src/x.ts') => namesIn(file, text, kind).length;
    expect(found(`if (carrier === '${name}') return 1;`)).toBe(1);
    expect(found(`config.${name.toUpperCase()}_SECRET`)).toBe(1);
    expect(found(`/** As ${title} has it. */`)).toBe(1);
    expect(found(`const url = 'https://${name}.example';`)).toBe(1);
    expect(found(`<b>${title}</b>`, 'web/x.html')).toBe(1);
    expect(found(`const ${title.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()} = 1;`)).toBe(1);
    expect(found('', `src/http/${name}-x.ts`)).toBe(1);
    expect(found(`// As documented: https://www.${name}.com/docs\nlet x = 1;`)).toBe(0);
    expect(found(title, `${folder}x.ts`)).toBe(0);
  });

  it.each(NAMED_ALL_THE_SAME)('$file names one still: $why', ({ file, words }) => {
    const lines = read(file).match(words) ?? [];
    expect(lines.some((line) => KINDS.some(({ name }) => line.toLowerCase().includes(name)))).toBe(true);
  });
});

describe('the import rules', () => {
  it('look at real files and really find imports', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(importsOf('src/transport/wrtc.ts')).toContain('@roamhq/wrtc');
    expect(importsOf('src/call/call.ts')).toContain('src/media/link.ts');
  });

  for (const rule of rules) {
    it(rule.says, () => {
      const broken = files.filter(rule.about).flatMap((file) =>
        importsOf(file)
          .filter((i) => rule.forbids(i, file))
          .map((i) => `${file} imports ${i}: ${rule.says}`),
      );
      expect(broken).toEqual([]);
    });
  }

  it.each(rules)('would notice: $says', ({ about, forbids, breaks: [file, imported] }) => {
    expect(files.some(about), 'there are files that the rule is about').toBe(true);
    expect(about(file) && forbids(imported, file)).toBe(true);
  });

  it('no file comes to import itself, by types either: of two files one can be read without the other', () => {
    expect(circles(new Map(files.map((file) => [file, importsOf(file)])))).toEqual([]);
  });

  it('no module of the pages comes to import itself, by the types in its comments either', () => {
    const pages = filesUnder('web', /\.js$/);
    expect(pages.some((file) => importsOf(file, read(file)).includes('src/records/event.ts'))).toBe(true);
    const imports = [...pages, ...files].map((file) => [file, importsOf(file, read(file))] as const);
    expect(circles(new Map(imports))).toEqual([]);
  });

  it('would notice a circle, and what only leads to one is none', () => {
    const imports = { a: ['b'], b: ['c', 'd'], c: ['a'], d: [], e: ['a'] };
    expect(circles(new Map(Object.entries(imports)))).toEqual([['a', 'b', 'c', 'a']]);
  });

  it('only config.ts reads process.env', () => {
    expect(files.filter((file) => file !== 'src/config.ts' && /\bprocess\.env\b/.test(code(file)))).toEqual([]);
  });

  it('nothing in the daemon writes to the console', () => {
    expect(files.filter((file) => /(?<![/\w])console\.\w/.test(code(file)))).toEqual([]);
  });

  it('only the call itself and what makes calls imports call/call.ts', () => {
    const allowed = new Set(['src/call/calls.ts', 'src/app.ts']);
    expect(files.filter((file) => importsOf(file).includes('src/call/call.ts') && !allowed.has(file))).toEqual([]);
  });
});
