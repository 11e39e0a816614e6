/** LiveKit's far ends: people in rooms, and a real server for them. */

export { type PersonEvent, RATE, type Recording, type Seen, type TranscriptLine } from './messages.ts';
export { type JoinOptions, People, type Person } from './people.ts';
export { RoomPhone, type RoomPhoneOptions } from './phone.ts';
export { buildServer, findServer, HOW_TO_GET, LIVEKIT_VERSION, noBuilder } from './server/find.ts';
export { LiveKitServer, type LiveKitServerOptions } from './server/server.ts';
export { latenessOf, type Sound, soundsOn, type Tape } from './tape.ts';
