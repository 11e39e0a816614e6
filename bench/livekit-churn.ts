/**
 * Rooms made and ended over and over, half of them deleted by the server while people are in them: processes, threads, descriptors and rooms before, with the last of them, and
 * when their process was replaced. It is by 200 rooms; with fewer it says that the process is still there.
 * Run: node bench/livekit-churn.ts [--rooms 200]
 * Exit status: 0 when nothing of them was left, 1 otherwise.
 */

import { parseArgs } from 'node:util';
import { RoomsOfBench } from './lib/livekit-rooms.ts';
import { churn } from './lib/room-churn.ts';
import { header, print } from './lib/table.ts';

const { values } = parseArgs({ options: { rooms: { type: 'string', default: '200' } } });
header();
const bench = await RoomsOfBench.start();
let wrong: string[] = [];
try {
  wrong = await churn(bench, Number(values.rooms));
} finally {
  await bench.close();
}
print(wrong.length === 0 ? '\nnothing was left' : `\n${wrong.join('\n')}`);
process.exit(wrong.length === 0 ? 0 : 1);
