import { ApiError } from '../http/api-error.ts';

/** What whoever looks at agents, edits or tries them is refused with. */
export const WORKBENCH_ERRORS = {
  FILE_UNKNOWN: 'There is no such file of agents, or no such version of it.',
  FILE_CHANGED: 'The file was changed since it was opened: what is there now has to be looked at first.',
  FILE_WRONG: 'The text would make the file wrong; `problems` says how. Nothing was saved.',
  FILES_READ_ONLY:
    'The files of agents are not edited here: AGENT_FILES says so, or the daemon may not write to their folder, or to the lock in it.',
  FILES_BUSY:
    'Another process of this machine is saving one of these files and does not come to an end: try again in a moment.',
  FILES_UNLOCKABLE:
    'What keeps two from saving at once, `.saving.lock` beside the files, cannot be locked: it is not the empty file that the daemon made, or its file system has no locks. Nothing was saved.',
  TOOL_UNKNOWN: 'There is no tool of this name.',
  TRIALS_TOO_MANY: 'As many tools as may be at once are being tried: try again in a moment.',
  DOCTOR_RUNNING: 'The doctor is looking at this daemon already.',
} as const;
type OfWorkbench = typeof WORKBENCH_ERRORS;
declare module '../http/api-error.ts' {
  interface ApiErrorCodes extends OfWorkbench {}
}

const STATUS: Record<keyof OfWorkbench, number> = {
  FILE_UNKNOWN: 404,
  FILE_CHANGED: 409,
  FILE_WRONG: 422,
  FILES_READ_ONLY: 403,
  FILES_BUSY: 503,
  FILES_UNLOCKABLE: 500,
  TOOL_UNKNOWN: 404,
  TRIALS_TOO_MANY: 503,
  DOCTOR_RUNNING: 409,
};

/** An answer to whoever asked; `problems`: one line each. */
export class WorkbenchError extends ApiError {
  constructor(code: keyof OfWorkbench, message: string, problems?: readonly string[]) {
    super(STATUS[code], code, message, {
      ...(problems === undefined ? {} : { details: { problems } }),
      ...(STATUS[code] === 503 ? { headers: { 'retry-after': '2' } } : {}),
    });
  }
}
