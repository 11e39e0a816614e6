import { z } from 'zod';

/** The setting of who edits what agents are told. */
export const workbenchSettings = {
  AGENT_FILES: z
    .enum(['editable', 'read-only'])
    .default('editable')
    .describe(
      'Whether admins may edit prompts and routes in the console: editable, or read-only, as where the files come from a repository. What is saved is checked before, and each version is kept in DATA_DIR.',
    ),
};
