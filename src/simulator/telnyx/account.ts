import { randomInt } from 'node:crypto';

/** The numbers of an account, and the applications that they are given to. */

export interface PhoneNumber {
  readonly id: string;
  readonly phone_number: string;
  readonly status: string;
  connection_id: string;
}

export interface Application {
  readonly id: string;
  application_name: string;
  webhook_event_url: string;
  webhook_api_version: string;
}

const newId = () => String(randomInt(1_000_000_000_000));

export class Account {
  readonly numbers: PhoneNumber[] = [];
  readonly applications: Application[] = [];

  addApplication(webhookUrl: string, version = '2'): Application {
    const application = {
      id: newId(),
      application_name: 'the bridge',
      webhook_event_url: webhookUrl,
      webhook_api_version: version,
    };
    this.applications.push(application);
    return application;
  }

  addNumber(phoneNumber: string, connectionId = ''): PhoneNumber {
    const number = { id: newId(), phone_number: phoneNumber, status: 'active', connection_id: connectionId };
    this.numbers.push(number);
    return number;
  }

  /** Where calls to the number go; undefined: nowhere. */
  webhookOf(phoneNumber: string): string | undefined {
    const number = this.numbers.find((one) => one.phone_number === phoneNumber);
    return this.applications.find(({ id }) => id === number?.connection_id)?.webhook_event_url;
  }

  /** Answers a request about them; undefined for what there is not. */
  answer(method: string, path: string, query: URLSearchParams, fields: Record<string, unknown>): object | undefined {
    const [kind = '', id] = path.split('/');
    if (kind === 'phone_numbers' && id === undefined) {
      const wanted = query.get('filter[phone_number]');
      return {
        data: this.numbers.filter((one) => wanted === null || one.phone_number.includes(wanted.replace('+', ''))),
      };
    }
    const found =
      kind === 'phone_numbers'
        ? this.numbers.find((one) => one.id === id)
        : kind === 'call_control_applications'
          ? this.applications.find((one) => one.id === id)
          : undefined;
    if (found === undefined) return undefined;
    if (method === 'PATCH') Object.assign(found, fields);
    return { data: found };
  }
}
