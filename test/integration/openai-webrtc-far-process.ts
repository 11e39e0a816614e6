import { Far } from './openai-webrtc-far.ts';

/** A far end in a process of its own, so that it can die without closing anything. */
const far = new Far();
process.send?.(await far.listen());
process.on('disconnect', () => process.exit(0));
