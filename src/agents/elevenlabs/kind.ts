import { defineAgent, type Wish } from '../kind.ts';
import { elevenLabsSettings } from './settings.ts';
import { elevenLabsTarget } from './target.ts';

/** Agents of ElevenLabs', over their WebSocket. */
export const elevenLabsAgent = defineAgent({
  name: 'elevenlabs',
  title: 'ElevenLabs',
  settings: elevenLabsSettings,
  labels: {
    transports: ['websocket'],
    errors: [
      'asr_transcription_error',
      'custom_llm_error',
      'invalid_message',
      'llm_error',
      'llm_timeout',
      'max_duration_exceeded',
      'mcp_tool_error',
      'missing_dynamic_variable',
      'missing_fields',
      'override_error',
      'safety_violation',
      'tts_cascade_error',
      'vad_error',
      'value_error',
      'websocket_disconnect',
    ],
  },
  needsIceServers: false,
  bills: 'minutes',
  options: {
    prompt: {},
    route: {},
    target: elevenLabsTarget,
    templates: ['dynamic_variables'],
    mayBeWordless: () => true,
  },
  secrets: ({ ELEVENLABS_API_KEY }) => [ELEVENLABS_API_KEY],
  review: ({ instructions }) => ({
    problems: [],
    warnings: instructions === '' ? [] : ['an agent has its words with ElevenLabs: those of this prompt reach nobody'],
  }),
  async open({ ELEVENLABS_API_KEY: key, ELEVENLABS_API_URL: url }) {
    const { elevenLabsLeg } = await import('./leg.ts');
    return {
      model: 'elevenlabs',
      about: `Calls are answered by agents of ElevenLabs', at ${new URL(url).host}.`,
      modelOf: ({ agent_id }) => `elevenlabs/${agent_id}`,
      create: ({ options: target, form, voice, language, temperature }) => ({
        leg: elevenLabsLeg({ account: { key, url }, target, form }),
        model: `elevenlabs/${target.agent_id}`,
        // The agent has its own; what it lets a call choose is written as `overrides`.
        ignored: Object.entries({ voice, language, temperature }).flatMap(([wish, asked]) =>
          asked === undefined ? [] : [wish as Wish],
        ),
      }),
      close: async () => {},
    };
  },
  async checks({ ELEVENLABS_API_KEY: key, ELEVENLABS_API_URL: url }, deps) {
    const { keyCheck } = await import('../common/doctor/key.ts');
    const question = {
      name: 'elevenlabs key',
      title: 'ElevenLabs',
      settings: { key: 'ELEVENLABS_API_KEY', url: 'ELEVENLABS_API_URL' },
      url: `${url}/v1/convai/agents?page_size=1`,
    };
    return {
      checks: key === undefined ? [] : [keyCheck({ ...question, headers: { 'xi-api-key': key } }, deps)],
      close: async () => {},
    };
  },
});
