import { memoryKey, numberOf, type Party, partyText } from '../call/party.ts';
import type { ToolCaller } from './tool.ts';

/** Who is on the line, as tools are told: the person, and which number of ours was called or calls him. */
export function toolCaller(person: Party, ours: Party | undefined): ToolCaller {
  return {
    kind: person.kind,
    from: numberOf(person),
    to: ours === undefined ? undefined : numberOf(ours),
    key: memoryKey(person),
    name: partyText(person),
  };
}
