import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { learnRole, may, onRole, setRole } from '../../../web/js/model/role.js';
import { Unsaved } from '../../../web/js/model/unsaved.js';
import { runButton } from '../../../web/js/tests/run-buttons.js';
import { createFileEditor } from '../../../web/js/views/agent-file.js';
import { recordActions } from '../../../web/js/views/record-actions.js';
import { seen } from '../../integration/waiting.ts';
import { type FakeElement, stubPage } from './page-fake.ts';

const allowed = () => (['viewer', 'operator', 'admin'] as const).filter(may);

describe('the role of whoever is signed in', () => {
  it('forbids nothing until it is known, is asked for once a token, and again where nobody could say', async () => {
    const answers: Array<() => Promise<{ role: string }>> = [
      () => Promise.reject(new Error('away')),
      () => Promise.resolve({ role: 'viewer' }),
      () => Promise.resolve({ role: 'operator' }),
    ];
    const api = { token: 'a', get: vi.fn(() => answers.shift()?.() ?? Promise.reject(new Error('asked too often'))) };
    const told: string[] = [];
    onRole((role) => told.push(role));
    await learnRole(api);
    expect(allowed()).toEqual(['viewer', 'operator', 'admin']);
    await Promise.all([learnRole(api), learnRole(api)]);
    expect(allowed()).toEqual(['viewer']);
    api.token = 'b';
    await learnRole(api);
    expect(allowed()).toEqual(['viewer', 'operator']);
    expect(api.get).toHaveBeenCalledTimes(3);
    setRole('admin');
    setRole('admin');
    expect(allowed()).toEqual(['viewer', 'operator', 'admin']);
    setRole('of-tomorrow');
    expect(allowed()).toEqual([]);
    expect(told).toEqual(['viewer', 'operator', 'admin', 'of-tomorrow']);
  });
});

describe('what a role is offered', () => {
  beforeEach(stubPage);
  afterEach(() => void vi.unstubAllGlobals());

  const flat = (words: string) => words.replaceAll(/\s+/g, ' ');
  const edit = async (role: string) => {
    setRole(role);
    const api = {
      get: async () => ({ text: 'You answer.', hash: 'h' }),
      post: vi.fn(async () => ({ problems: [], warnings: [] })),
    };
    const editor = createFileEditor(api as never, 'prompts/sales.md', {
      tryPrompt: async () => {},
      unsaved: new Unsaved(),
      saved: () => {},
      readOnly: null,
    });
    editor.show();
    const element = editor.element as unknown as FakeElement;
    const text = element.all('textarea')[0] as FakeElement;
    await seen(() => expect(text.value).toBe('You answer.'));
    text.value = 'You answer briefly.';
    editor.show();
    return { text, checks: api.post.mock.calls.length, save: element.button('Save …').disabled, element };
  };

  it('is the text of a prompt to read for a viewer, who has nothing checked that would be refused', async () => {
    const { text, checks, save, element } = await edit('viewer');
    expect([text.readOnly, checks, save]).toEqual([true, 0, true]);
    expect(flat(element.textContent)).toContain('Your role reads only.');
  });

  it('is for an operator to write it, with the reason why it cannot be saved', async () => {
    const { text, checks, save, element } = await edit('operator');
    expect([text.readOnly, checks, save]).toEqual([false, 1, true]);
    expect(flat(element.textContent)).toContain('Only an admin may save.');
  });

  it('is all of it for an admin', async () => {
    const { text, checks, save, element } = await edit('admin');
    expect([text.readOnly, checks, save]).toEqual([false, 1, false]);
    expect(element.textContent).not.toContain('Only an admin');
  });

  it('is to run suites and stop runs for who acts, and nothing of it for a viewer', async () => {
    const pressed = vi.fn();
    const made = (role: string) => {
      setRole(role);
      return runButton('Run', 'a.yaml', pressed) as unknown as FakeElement | undefined;
    };
    expect(made('viewer')).toBeUndefined();
    const button = made('operator');
    await button?.click();
    expect([button?.textContent, button?.disabled, pressed.mock.calls.length]).toEqual(['Run', false, 1]);
  });

  it('is to save a record for all, and to delete it for an admin, with the reason for others', () => {
    const offered = (role: string) => {
      setRole(role);
      return recordActions({} as never, { id: 'c', endedAt: '2026-03-05T14:00:00.000Z' }, [], () => '#/calls').map(
        (one) => {
          const { textContent, disabled, className } = one as unknown as FakeElement;
          return [textContent, disabled, className.includes('acts')];
        },
      );
    };
    const saves = ['Save as JSON', false, false];
    expect(offered('admin')).toEqual([saves, ['Delete', false, true]]);
    expect(offered('operator')).toEqual([saves, ['Delete', true, true], ['Only an admin may delete.', false, true]]);
  });
});
