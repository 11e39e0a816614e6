import { describe, expect, it } from 'vitest';
import type { RoomLibrary } from '../../../src/transport/room.ts';
import { RoomPeople } from '../../../src/transport/room-people.ts';

const TrackKind = { KIND_AUDIO: 1, KIND_VIDEO: 2 };
const TrackSource = { SOURCE_UNKNOWN: 0, SOURCE_CAMERA: 1, SOURCE_MICROPHONE: 2, SOURCE_SCREENSHARE_AUDIO: 4 };
/** What is read of LiveKit's library, with its own numbers. */
const library = { TrackKind, TrackSource, ParticipantKind: { 0: 'STANDARD' } } as unknown as RoomLibrary;

type Track = readonly [sid: string, source: keyof typeof TrackSource, kind?: keyof typeof TrackKind];

/** The microphone of somebody who published these tracks, in this order. */
function microphoneOf(...tracks: readonly Track[]): string | undefined {
  const publications = tracks.map(
    ([sid, source, kind = 'KIND_AUDIO']) =>
      [sid, { sid, source: TrackSource[source], kind: TrackKind[kind], muted: false }] as const,
  );
  const somebody = { identity: 'ann', kind: 0, attributes: {}, info: {}, trackPublications: new Map(publications) };
  return new RoomPeople(library).read(somebody as unknown as Parameters<RoomPeople['read']>[0]).microphone?.sid;
}

describe('the microphone of a participant', () => {
  it.each<[says: string, sid: string | undefined, tracks: Track[]]>([
    ['is the track of that source', 'TR_m', [['TR_m', 'SOURCE_MICROPHONE']]],
    ['is one of no named source where there is no other, as of telephones', 'TR_u', [['TR_u', 'SOURCE_UNKNOWN']]],
    [
      'is the real one behind one of no named source',
      'TR_m',
      [
        ['TR_u', 'SOURCE_UNKNOWN'],
        ['TR_m', 'SOURCE_MICROPHONE'],
      ],
    ],
    ['is no screen’s sound', undefined, [['TR_s', 'SOURCE_SCREENSHARE_AUDIO']]],
    ['is no picture', undefined, [['TR_v', 'SOURCE_UNKNOWN', 'KIND_VIDEO']]],
  ])('%s', (_says, sid, tracks) => {
    expect(microphoneOf(...tracks)).toBe(sid);
  });
});
