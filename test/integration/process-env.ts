/** What a process that a test starts gets of this one's environment: the way to its programs, and what is compiled already. No setting of the daemon. */
export const PROCESS_ENV: Record<string, string> = Object.fromEntries(
  ['PATH', 'NODE_COMPILE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
