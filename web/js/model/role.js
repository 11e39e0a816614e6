/**
 * What whoever is signed in may do, so that the page offers nothing that would be refused. The daemon alone decides (src/http/operators.ts has the same three roles,
 * each of which may do what those before it may): while the role is not known, or where the daemon knows none, everything is offered.
 */

/** @typedef {'viewer' | 'operator' | 'admin'} Role */

/** @type {readonly string[]} */
const ROLES = ['viewer', 'operator', 'admin'];

/** @type {string | undefined} */
let own;
/** @type {Array<(role: string) => void>} */
const watchers = [];
/** Whose role was asked for. @type {{ token: string | null, answer: Promise<void> } | undefined} */
let asked;

/** Whether this role, where it is known, suffices for what `least` is needed for. @param {Role} least */
export const may = (least) => own === undefined || ROLES.indexOf(own) >= ROLES.indexOf(least);

/** Whether a call from this page would be taken. @param {import('../../../src/health/status-view.ts').StatusView | undefined} status undefined: not known yet */
export const mayCall = (status) => may('operator') || status?.can.anybodyCalls !== false;

/** @param {string} role as the daemon says it */
export function setRole(role) {
  if (own === role) return;
  own = role;
  for (const told of watchers) told(role);
}

/** For parts that are there as long as the page. @param {(role: string) => void} told of the role once it is known, and when somebody else signs in */
export function onRole(told) {
  watchers.push(told);
}

/**
 * Asks for the role, once for each token. Resolves as soon as it is known or cannot be had, for what must not begin with a request that is refused.
 * @param {{ token: string | null, get(path: string): Promise<any> }} api
 * @param {string} [path] from the page
 */
export function learnRole(api, path = 'me') {
  if (asked === undefined || asked.token !== api.token) {
    const mine = {
      token: api.token,
      answer: api.get(path).then(
        ({ role }) => {
          if (asked === mine) setRole(role);
        },
        () => {
          // It is asked for again the next time.
          if (asked === mine) asked = undefined;
        },
      ),
    };
    asked = mine;
  }
  return asked.answer;
}
