import { randomBytes, randomUUID } from 'node:crypto';
import type { Carrier } from '../phone/carrier.ts';

/**
 * The numbers of an account, and where calls to each of them go: the IncomingPhoneNumbers resource.
 * https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
 */

/** One number as its owner set it; an empty text means that nothing is set. */
export interface OwnedNumber {
  readonly sid: string;
  /** E.164. */
  readonly phoneNumber: string;
  /** Whether it takes calls at all; some take messages alone. */
  readonly takesCalls: boolean;
  voiceUrl: string;
  voiceMethod: 'GET' | 'POST';
  voiceApplicationSid: string;
  trunkSid: string;
}

export type NewNumber = Partial<Omit<OwnedNumber, 'sid'>> & { readonly phoneNumber: string };

type Fields = Readonly<Record<string, string | readonly string[]>>;

export class OwnedNumbers {
  readonly #carrier: Carrier;
  readonly #all: OwnedNumber[] = [];

  constructor(carrier: Carrier, numbers: readonly NewNumber[]) {
    this.#carrier = carrier;
    for (const number of numbers) this.add(number);
  }

  add(number: NewNumber): OwnedNumber {
    const owned: OwnedNumber = {
      sid: this.#carrier === 'twilio' ? `PN${randomBytes(16).toString('hex')}` : randomUUID(),
      takesCalls: true,
      voiceUrl: '',
      voiceMethod: 'POST',
      voiceApplicationSid: '',
      trunkSid: '',
      ...number,
    };
    this.#all.push(owned);
    return owned;
  }

  find(sid: string): OwnedNumber | undefined {
    return this.#all.find((number) => number.sid === sid);
  }

  /** Those whose digits contain these: the filter of the real resource takes parts of numbers, too. */
  matching(part: string): OwnedNumber[] {
    const digits = part.replaceAll(/\D/g, '');
    return this.#all.filter(({ phoneNumber }) => phoneNumber.includes(digits));
  }

  /** Sets what the form names; of a trunk and an application the one that is set drives the other out. */
  update(number: OwnedNumber, form: Fields): void {
    const text = (name: string) => (form[name] === undefined ? undefined : String([form[name]].flat()[0]));
    number.voiceUrl = text('VoiceUrl') ?? number.voiceUrl;
    number.voiceMethod = text('VoiceMethod') === 'GET' ? 'GET' : text('VoiceMethod') ? 'POST' : number.voiceMethod;
    const application = text('VoiceApplicationSid');
    const trunk = text('TrunkSid');
    number.voiceApplicationSid = application ?? (trunk ? '' : number.voiceApplicationSid);
    number.trunkSid = trunk ?? (application ? '' : number.trunkSid);
  }

  /** As the API shows it; what is not set is empty at Twilio and null at SignalWire. */
  resource(number: OwnedNumber): object {
    const shown = (value: string) => (value === '' && this.#carrier === 'signalwire' ? null : value);
    return {
      sid: number.sid,
      phone_number: number.phoneNumber,
      capabilities: { voice: number.takesCalls, sms: true, mms: false },
      voice_url: shown(number.voiceUrl),
      voice_method: number.voiceMethod,
      voice_application_sid: shown(number.voiceApplicationSid),
      trunk_sid: shown(number.trunkSid),
    };
  }
}
