import { z } from 'zod';
import { defineTool } from '../../src/tools/tool.ts';

/** Five megabytes of JSON, were it serialised. Made once: what a tool computes by itself is the tool's price. */
const rows = Array.from({ length: 40_000 }, (_, id) => ({ id, name: 'Somebody Else', note: 'x'.repeat(60) }));

/** As heavy as a tool may be: it waits, then returns five megabytes of rows. */
export default defineTool({
  description: 'Waits, then returns far too much.',
  parameters: z.object({ ms: z.int().min(0).max(5_000) }),
  touches: [],
  async execute({ ms }, { clock }) {
    await new Promise<void>((resolve) => void clock.after(ms, resolve));
    return rows;
  },
});
