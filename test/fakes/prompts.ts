import { AGENTS } from '../../src/agents/index.ts';
import { type Prompt, parsePrompt as parse } from '../../src/prompts/prompt.ts';

/** A prompt's text, read with the daemon's own kinds of agents. */
export const parsePrompt = (name: string, file: string, text: string): Prompt => parse(name, file, text, AGENTS);
