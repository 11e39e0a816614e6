export { type ElevenLabsOptions, type ElevenLabsServer, startElevenLabs } from './server.ts';
