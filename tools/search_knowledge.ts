import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

export default defineTool({
  description:
    'Searches what the business has written down: opening hours, place, parking, prices, insurance, treatment, policies. Answer from what it gives; when it gives nothing, say that you do not know.',
  parameters: z.object({
    question: z.string().trim().min(2).max(300).describe('What the caller wants to know, in telling words.'),
  }),
  touches: ['knowledge'],
  timeoutMs: 4_000,
  async execute({ question }, { store }) {
    const results = await store.knowledge.search(question, 3);
    return results.length === 0 ? { found: false } : { found: true, results };
  },
});
