import { errorMessage } from '../errors.ts';

/** Where a command's words go: stdout and stderr, or a test's buffers. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
}

/**
 * Runs a command as this process, and ends the process with its status, `failed` where it rejected. The command's signal aborts at the first SIGINT, so that
 * it may end its calls and print what it has; the second is the system's own and ends the process.
 */
export async function runCommand(
  command: (argv: readonly string[], output: Output, interrupted: AbortSignal) => Promise<number>,
  failed = 1,
): Promise<never> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const output: Output = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  };
  const status = await command(process.argv.slice(2), output, interrupted.signal).catch((error: unknown) => {
    output.err(`${errorMessage(error)}\n`);
    return failed;
  });
  // A daemon that ran in this process, or WebRTC, may leave native threads behind, which would keep it alive.
  process.exit(status);
}
