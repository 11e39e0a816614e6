import { withDeadline } from '../../src/memory/deadline.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import { FakeClock } from '../fakes/clock.ts';
import { shuffledMemory } from '../fakes/memory.ts';
import { processMemoryContract } from './process-memory.ts';

processMemoryContract('in this process', async () => {
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  return { here: memory, there: memory, clock, bounded: true };
});

// What stands between users and an adapter, and what stands for one in the tests of users, must change nothing of it.
processMemoryContract('behind a deadline', async () => {
  const clock = new FakeClock();
  const memory = withDeadline(new LocalMemory({ clock }), { clock, ms: 500 });
  return { here: memory, there: memory, clock, bounded: true };
});

processMemoryContract('that answers in another order', async () => {
  const clock = new FakeClock();
  const memory = new LocalMemory({ clock });
  const late = () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 3));
  return { here: shuffledMemory(late, memory), there: shuffledMemory(late, memory), clock, bounded: true };
});
