import { load } from '../load.js';

/** Where one of several processes begins. */
await load('workers/worker');
