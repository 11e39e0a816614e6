import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { assignments, expand, type Instruction, parseDockerfile, type Stage } from './dockerfile.ts';
import { contextFilter } from './ignore.ts';
import { type Jail, runJailed } from './jail.ts';

/** Carries out the Dockerfile's own instructions, in order, on folders: RUN in a jail with this machine's registries, COPY by its context. */

/** What an image says about how it is run. */
export interface Image {
  readonly root: string;
  readonly env: Record<string, string>;
  workdir: string;
  user: number;
  entrypoint: readonly string[];
  command: readonly string[];
  healthcheck: readonly string[];
  volumes: readonly string[];
}

export interface BuildOptions {
  /** The text of the Dockerfile and of .dockerignore. */
  readonly dockerfile: string;
  readonly dockerignore: string;
  /** Folder that COPY takes from. */
  readonly context: string;
  /** Folder that stands for every image that is not a stage; it is copied. */
  readonly base: string;
  /** Folder that the stages are made in. */
  readonly work: string;
  /** What reaches the registries from within, on top of the image's own: not part of the image. */
  readonly network: Pick<Jail, 'env' | 'mounts'>;
  readonly say: (line: string) => void;
}

/** Builds the last stage, and those before it. Rejects with the failing step's output. */
export async function buildImage(options: BuildOptions): Promise<Image> {
  const built = new Map<string, Image>();
  let last: Image | undefined;
  for (const [index, stage] of parseDockerfile(options.dockerfile).entries()) {
    const image = startStage(stage, join(options.work, `stage-${index}`), built, options);
    const scope: Record<string, string> = {};
    for (const instruction of stage.instructions) {
      options.say(`${stage.name ?? 'image'}: ${instruction.name} ${instruction.text}`);
      await carryOut(instruction, image, scope, built, options);
    }
    if (stage.name !== undefined) built.set(stage.name, image);
    last = image;
  }
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  return last;
}

function startStage(stage: Stage, root: string, built: Map<string, Image>, options: BuildOptions): Image {
  const from = built.get(stage.from);
  execFileSync('cp', ['-a', '--reflink=auto', from?.root ?? options.base, root]);
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return from === undefined
    ? {
        root,
        env: { PATH: path },
        workdir: '/',
        user: 0,
        entrypoint: [],
        command: [],
        healthcheck: [],
        volumes: [],
      }
    : { ...from, root, env: { ...from.env } };
}

async function carryOut(
  instruction: Instruction,
  image: Image,
  scope: Record<string, string>,
  built: Map<string, Image>,
  options: BuildOptions,
): Promise<void> {
  const { name, text, list, line } = instruction;
  switch (name) {
    case 'ARG':
      Object.assign(scope, assignments(text, scope));
      return;
    case 'ENV':
      Object.assign(image.env, assignments(text, { ...scope, ...image.env }));
      return;
    case 'LABEL':
      assignments(text, { ...scope, ...image.env });
      return;
    case 'WORKDIR':
      image.workdir = text;
      mkdirSync(join(image.root, text), { recursive: true });
      return;
    case 'USER':
      image.user = Number(text.split(':')[0]);
      if (!Number.isInteger(image.user)) throw new Error(`line ${line}: USER must be a number`);
      return;
    case 'VOLUME':
      image.volumes = listOf(instruction);
      return;
    case 'ENTRYPOINT':
      image.entrypoint = listOf(instruction);
      return;
    case 'CMD':
      image.command = listOf(instruction);
      return;
    case 'HEALTHCHECK':
      image.healthcheck = JSON.parse(text.replace(/^CMD\s+/, '')) as string[];
      return;
    case 'COPY':
      copy(instruction, expand(text, scope), image, built, options);
      return;
    case 'RUN': {
      const { env, mounts } = options.network;
      const jail: Jail = {
        root: image.root,
        cwd: image.workdir,
        user: image.user,
        readOnly: false,
        mounts,
        env: { ...image.env, ...scope, HOME: '/root', ...env },
      };
      await runJailed(jail, list ?? ['/bin/sh', '-c', text]);
      return;
    }
    case 'EXPOSE':
    case 'STOPSIGNAL':
      return;
    default:
      throw new Error(`line ${line}: ${name} is not carried out here`);
  }
}

function listOf(instruction: Instruction): readonly string[] {
  if (instruction.list === undefined) throw new Error(`line ${instruction.line}: must be a JSON array`);
  return instruction.list;
}

/** COPY: from an earlier stage as it is, from the context what .dockerignore leaves; all of it becomes root's. */
function copy(
  { flags, line }: Instruction,
  text: string,
  image: Image,
  built: Map<string, Image>,
  options: BuildOptions,
): void {
  const paths = text.split(/\s+/);
  const to = paths.pop() ?? '';
  const target = join(image.root, to.startsWith('/') ? to : join(image.workdir, to));
  for (const path of paths) {
    if (flags['from'] !== undefined) {
      const stage = built.get(flags['from']);
      if (stage === undefined) throw new Error(`line ${line}: no stage ${flags['from']}`);
      const from = join(stage.root, path);
      const isFolder = statSync(from).isDirectory();
      if (isFolder) mkdirSync(target, { recursive: true });
      // Of a folder what is in it, as there.
      execFileSync('cp', ['-a', '--no-preserve=ownership', '--reflink=auto', isFolder ? `${from}/.` : from, target]);
      continue;
    }
    const isIn = contextFilter(options.dockerignore);
    const files = filesUnder(options.context, path).filter(isIn);
    if (files.length === 0) throw new Error(`line ${line}: ${path} has no file in the build's context`);
    for (const file of files) {
      const single = files.length === 1 && file === path;
      const destination = single
        ? to.endsWith('/')
          ? join(target, file)
          : target
        : join(target, relative(path, file));
      mkdirSync(dirname(destination), { recursive: true });
      cpSync(join(options.context, file), destination);
      chmodSync(destination, statSync(join(options.context, file)).mode & 0o755);
    }
  }
}

function filesUnder(folder: string, path: string): string[] {
  const start = join(folder, path);
  if (!existsSync(start)) return [];
  if (statSync(start).isFile()) return [path];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}
