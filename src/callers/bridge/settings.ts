import { TOKEN_LEAST } from '../../http/admin-token.ts';
import { csv } from '../../settings.ts';

/** The settings of calls that somebody else's webhook handler hands on: entries of the daemon's one schema. */
export const bridgeSettings = {
  BRIDGE_TOKEN: csv
    .refine(
      (tokens) => tokens.every((token) => token.length >= TOKEN_LEAST),
      `needs at least ${TOKEN_LEAST} characters in each token`,
    )
    .default([])
    .describe(
      'Bearer token of whoever hands calls on by POST /bridge/start, at least 16 characters; two, comma-separated, while one is being rotated. It opens nothing else; the admin token is taken there, too. While neither this nor ADMIN_TOKEN is set, programs on this machine need none, unless PUBLIC_URL is a public address.',
    ),
};
