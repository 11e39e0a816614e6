import { type Check, fail, pass, skip } from './check.ts';
import type { DoctorDeps } from './deps.ts';
import { type AccountAt, type NumberOptions, numberSetting } from './number.ts';

/** The carriers: whether their APIs take the credentials, and where the number's calls go. */

export function carrierChecks(deps: DoctorDeps, options: NumberOptions): Check[] {
  const accounts = deps.carriers.all.flatMap((carrier): AccountAt[] => {
    const account = carrier.checks.account?.(deps);
    return account === undefined ? [] : [{ carrier, account }];
  });
  const good: AccountAt[] = [];
  const credentials: Check[] = accounts.map((at) => ({
    name: `${at.carrier.name} account`,
    async run(signal) {
      const { host, settings } = at.account;
      const status = await at.account.status(signal);
      if (status >= 200 && status <= 299) {
        good.push(at);
        return pass(`${host} takes the credentials`);
      }
      const seen = `${host} answers HTTP ${status}`;
      if (status === 401 || status === 403) return fail(`${seen}: the credentials are refused`, `Check ${settings}.`);
      if (status === 404)
        return fail(`${seen}: there is no such account`, `Check ${settings}, and the address of the API.`);
      if (status === 429 || status >= 500)
        return fail(seen, 'The carrier’s API is busy or fails: wait, and look at its status page.');
      return fail(seen, `Check ${settings}, and the address of the API.`);
    },
  }));
  if (credentials.length === 0)
    credentials.push({
      name: 'carrier account',
      run: async () => skip('no credentials of a carrier’s REST API are set'),
    });
  return [
    ...credentials,
    {
      name: 'number',
      run: async (signal) =>
        good.length === 0
          ? skip('needs the account of the carrier')
          : numberSetting(deps, inOrder(good, deps.config.OUTBOUND_CARRIER), options, signal),
    },
  ];
}

/** The carrier that places calls first: the number is most likely its. */
function inOrder(accounts: readonly AccountAt[], first: string | undefined): readonly AccountAt[] {
  return accounts.toSorted((a, b) => Number(b.carrier.name === first) - Number(a.carrier.name === first));
}
