import { ToolError } from './errors.ts';
import { checkDestination, type DestinationPolicy, isDigits } from './policy.ts';
import type { CallControlPort } from './ports.ts';

/**
 * A call's control under the policy: every tool, ours or anybody's, gets only this one. A refused number never reaches the carrier; an allowed
 * one reaches it in E.164.
 */
export function guardedControl(control: CallControlPort, policy: DestinationPolicy): CallControlPort {
  const gather = control.gatherDigits?.bind(control);
  return {
    hangupAfterPlayout: () => control.hangupAfterPlayout(),
    async transfer(destination) {
      const decision = checkDestination(destination, policy);
      if (!decision.allowed) throw new ToolError('TOOL_REFUSED', decision.reason);
      await control.transfer(decision.number);
    },
    async sendDigits(digits) {
      if (!isDigits(digits))
        throw new ToolError('TOOL_REFUSED', 'Only 0-9, *, #, A-D and w can be played, 32 at most.');
      await control.sendDigits(digits);
    },
    ...(gather === undefined ? {} : { gatherDigits: gather }),
  };
}
