export type { RetellRooms } from './room-call.ts';
export type { RetellScenario } from './scenario.ts';
export { type RetellOptions, RetellServer } from './server.ts';
export type { WebCall } from './web-call.ts';
