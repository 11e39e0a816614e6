import { takeToken } from '../phone/page-token.js';
import { RoomCall } from './room-call.js';
import { RoomView } from './room-view.js';

/**
 * A room of LiveKit's with the agent and other people in it. Its URL may say: `room`, one that there is, `agent`, the prompt of a new one; `raw=1` for a microphone
 * without echo cancellation and the like, as tests with tones need it. An operator's token may come in the fragment (`#token=...`).
 */
const query = new URLSearchParams(location.search);
const token = takeToken();

const root = document.getElementById('room');
if (root === null) throw new Error('the page has no place for the room');
const call = new RoomCall({ processing: query.get('raw') !== '1', token });
const view = new RoomView(call, { room: query.get('room') ?? '', agentId: query.get('agent') ?? '' });
root.append(view.element);

// For whoever drives the page: tests, and people in the browser's own console.
Reflect.set(globalThis, 'call', call);
