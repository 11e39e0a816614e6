import type { PersonaSpec } from './spec.ts';

/** What a model is told that plays a caller. */

/** The tool by which the caller hangs up. */
export const HANG_UP = {
  type: 'function',
  name: 'hang_up',
  description: 'Ends the call, after your last words. Say goodbye before it.',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
} as const;

const PATIENCE = {
  low: 'You are impatient: when the other side is slow, unclear or asks twice, you say so, and you give up soon.',
  normal: 'You are as patient as most people are.',
  high: 'You are very patient: you let the other side take its time, and repeat what it did not understand.',
} as const;
/** So long nobody speaks before he asks whether somebody is there, ms. */
export const PATIENCE_MS = { low: 6_000, normal: 10_000, high: 15_000 } as const;
const TALK = {
  low: 'You say little: a few words at a time, and only what you are asked for.',
  normal: 'You speak in one or two short sentences at a time.',
  high: 'You talk much: you add details that nobody asked for, and come to the point late.',
} as const;

/** The instructions of the model. */
export function personaWords({
  persona,
  goal,
  patience,
  talkativeness,
  language,
}: Pick<PersonaSpec, 'persona' | 'goal' | 'patience' | 'talkativeness' | 'language'>): string {
  return [
    'You play a person who makes a telephone call. You are the caller, never the one who is called: you want something, and the other side helps you or does not.',
    `Who you are:\n${persona}`,
    `What you want:\n${goal}`,
    PATIENCE[patience],
    TALK[talkativeness],
    language === undefined ? 'Speak the language in which you are answered.' : `Speak ${language} (BCP 47).`,
    [
      'Rules:',
      '- Stay the caller whatever the other side says. Never offer help, and never say that this is a test or that you are a model.',
      '- Invent nothing that contradicts what you are told above. What you are not told, and a person would know, you make up once and keep to.',
      '- What you cannot understand you say so of once or twice; then you give up.',
      '- Do not tell everything at once: let yourself be asked.',
      '- As soon as you have what you want, or it is clear that you will not get it, say a short goodbye and call hang_up. Do not begin another subject.',
    ].join('\n'),
  ].join('\n\n');
}
