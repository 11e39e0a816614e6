import { keepToken, takeToken } from './page-token.js';
import { mountPhone } from './phone-panel.js';

/**
 * The page that is nothing but the telephone. Its URL may say: `conversation`, `voice`, `agent`; `raw=1` for a microphone without echo
 * cancellation and the like, as tests with tones need it. An operator's token may come in the fragment (`#token=...`); where it is missing and needed, the
 * page asks for it. docs/browser.md has them all.
 */
const query = new URLSearchParams(location.search);
let token = takeToken();
const conversationId = query.get('conversation') ?? undefined;
const voice = query.get('voice') ?? undefined;
const agentName = query.get('agent') ?? undefined;

const root = document.getElementById('phone');
if (root === null) throw new Error('the page has no place for the phone');
const { phone } = mountPhone(root, {
  token: () => token,
  onToken(given) {
    token = given;
    keepToken(given);
  },
  ...(conversationId === undefined ? {} : { conversationId }),
  processing: query.get('raw') !== '1',
  call: { ...(voice === undefined ? {} : { voice }), ...(agentName === undefined ? {} : { agentName }) },
});

// For whoever drives the page: tests, and people in the browser's own console.
Reflect.set(globalThis, 'phone', phone);
