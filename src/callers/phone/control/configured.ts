import { BridgeError } from '../../../errors.ts';
import { ControlError } from './errors.ts';

/** An adapter refuses what cannot be an account's: at the start, by the settings it is made of ("A or B"). Throws CONFIG_INVALID. */
export function configured<T>(settings: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof ControlError)) throw cause;
    throw new BridgeError('CONFIG_INVALID', `wrong settings:\n  ${settings}: ${cause.message}`, { cause });
  }
}
