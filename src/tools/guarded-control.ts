import type { LineControls } from '../call/line-controls.ts';
import { notConnected, type TransferFailure } from '../call/transfer.ts';
import type { HourLimit } from '../memory/hour-limit.ts';
import { ToolError } from './errors.ts';
import { checkDestination, type DestinationPolicy, isDigits } from './policy.ts';
import type { CallControlPort } from './ports.ts';

/**
 * A call's control under the policy: every tool, ours or anybody's, gets only this one. A refused number never reaches the carrier; an allowed
 * one reaches it in E.164. `transfers`: how many there may be in an hour, of all calls together; those that were never dialled do not count.
 * `called`: the number that the caller dialled, at which another agent of ours would answer.
 */
export function guardedControl(
  control: Omit<LineControls, 'gatherDigits'> & Partial<Pick<LineControls, 'gatherDigits'>>,
  policy: DestinationPolicy,
  transfers: Pick<HourLimit, 'take'>,
  called?: string,
): CallControlPort {
  const gather = control.gatherDigits?.bind(control);
  return {
    hangupAfterPlayout: () => control.hangupAfterPlayout(),
    async transfer(destination) {
      const impossible = control.cannot?.('transfer');
      if (impossible !== undefined)
        throw new ToolError(
          'TOOL_REFUSED',
          `${impossible} Say so, and offer something else, such as taking a message.`,
        );
      const decision = checkDestination(destination, policy);
      if (!decision.allowed) throw new ToolError('TOOL_REFUSED', decision.reason);
      if (decision.number === called)
        throw new ToolError('TOOL_REFUSED', 'That is the number of this line itself: the caller is here already.');
      const use = await transfers.take();
      if (!use.ok) throw new ToolError('TOOL_REFUSED', 'Too many callers were connected to others within the hour.');
      let failure: TransferFailure | undefined;
      try {
        failure = await control.transfer(decision.number);
      } catch (error) {
        use.giveBack();
        throw error;
      }
      if (failure !== undefined)
        throw new ToolError(
          'TOOL_NOT_REACHED',
          `${notConnected(failure)} Say so, and offer something else, such as taking a message.`,
        );
    },
    async sendDigits(digits) {
      const impossible = control.cannot?.('digits');
      if (impossible !== undefined) throw new ToolError('TOOL_REFUSED', impossible);
      if (!isDigits(digits))
        throw new ToolError('TOOL_REFUSED', 'Only 0-9, *, #, A-D and w can be played, 32 at most.');
      await control.sendDigits(digits);
    },
    ...(gather === undefined ? {} : { gatherDigits: gather }),
  };
}
