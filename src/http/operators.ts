/** Who may do what by the interface for operators: three roles, each of which may do what those before it may. */

/** `viewer` reads, `operator` also acts on calls, `admin` also says who may do either and removes what was kept. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whoever asks, as the token shows. */
export interface Operator {
  /** Unique among all that there ever were; `admin` for whoever has the token of the settings. */
  readonly id: string;
  /** For people: in the audit log, and in the records of calls. */
  readonly name: string;
  readonly role: Role;
}

/** Whoever has the token of the settings: which person that is, nothing tells. */
export const ADMIN: Operator = { id: 'admin', name: 'admin', role: 'admin' };

/** Whether somebody of this role may do what `least` is needed for. */
export const mayAs = (role: Role, least: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(least);

/** The least role of a route: the one that it names, else what is read is for viewers, what acts for operators, and what removes for admins. */
export function leastRole(method: string, describes?: { readonly role?: Role }): Role {
  if (describes?.role !== undefined) return describes.role;
  if (method === 'DELETE') return 'admin';
  return method === 'GET' || method === 'HEAD' ? 'viewer' : 'operator';
}
