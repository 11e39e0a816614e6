import type { HourLimit } from '../call/hour-limit.ts';
import { ToolError } from './errors.ts';
import { checkDestination, type DestinationPolicy, isDigits } from './policy.ts';
import type { CallControlPort } from './ports.ts';

/**
 * A call's control under the policy: every tool, ours or anybody's, gets only this one. A refused number never reaches the carrier; an allowed
 * one reaches it in E.164. `transfers`: how many there may be in an hour, of all calls together; those that came to nothing do not count.
 */
export function guardedControl(
  control: CallControlPort,
  policy: DestinationPolicy,
  transfers: HourLimit,
): CallControlPort {
  const gather = control.gatherDigits?.bind(control);
  return {
    hangupAfterPlayout: () => control.hangupAfterPlayout(),
    async transfer(destination) {
      const decision = checkDestination(destination, policy);
      if (!decision.allowed) throw new ToolError('TOOL_REFUSED', decision.reason);
      const use = transfers.take();
      if (!use.ok) throw new ToolError('TOOL_REFUSED', 'Too many callers were connected to others within the hour.');
      try {
        await control.transfer(decision.number);
      } catch (error) {
        use.giveBack();
        throw error;
      }
    },
    async sendDigits(digits) {
      if (!isDigits(digits))
        throw new ToolError('TOOL_REFUSED', 'Only 0-9, *, #, A-D and w can be played, 32 at most.');
      await control.sendDigits(digits);
    },
    ...(gather === undefined ? {} : { gatherDigits: gather }),
  };
}
