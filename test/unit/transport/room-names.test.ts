import { describe, expect, it } from 'vitest';
import { eventsRoute } from '../../../src/live/http/events-route-query.ts';
import { recordFilters } from '../../../src/records/http/record-filters.ts';
import {
  isOwnName,
  isRoomName,
  nameForAgent,
  nameForPeople,
  ROOM_NAME_MOST,
} from '../../../src/transport/room-names.ts';

describe('names of rooms', () => {
  it('are our own where the daemon gives them, and nobody else’s that look alike', () => {
    const own = [nameForPeople(), nameForAgent('6f0c1d0e-3f9b-4c39-9c52-6d1f0a3c7f11')];
    expect(own.filter((name) => !isOwnName(name) || !isRoomName(name))).toEqual([]);
    expect(nameForPeople()).not.toBe(nameForPeople());
    const others = [
      'room-1',
      'call-_+12025550143_RM7xQ2',
      'voicebridge',
      'voicebridge-support',
      'my-voicebridge-room-1',
    ];
    expect(others.filter(isOwnName)).toEqual([]);
  });

  it('are sought whole among events and records, however long', () => {
    const name = 'x'.repeat(ROOM_NAME_MOST);
    expect(isRoomName(name)).toBe(true);
    expect(eventsRoute.query.safeParse({ conversation: name }).success).toBe(true);
    expect(recordFilters.conversationId.safeParse(name).success).toBe(true);
  });
});
