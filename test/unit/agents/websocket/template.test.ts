import { describe, expect, it } from 'vitest';
import { fillTemplate, placesIn } from '../../../../src/agents/websocket/template.ts';

const values: Record<string, unknown> = { name: 'Ann', list: [1, 2], nothing: undefined };
const fill = (template: unknown) => fillTemplate(template, (name) => values[name]);

describe('a template', () => {
  it('has its places filled: alone by the value itself, within a text by its words, and by nothing where there is none', () => {
    expect(fill({ a: '{{ list }}', b: 'Hello {{name}}, {{ list }}', c: '{{nothing}}', d: ['{{name}}'], e: 5 })).toEqual(
      {
        a: [1, 2],
        b: 'Hello Ann, [1,2]',
        d: ['Ann'],
        e: 5,
      },
    );
    expect(fill('{{name}}{{name}}')).toBe('AnnAnn');
    expect(fill('{{name}')).toBe('{{name}');
    expect(placesIn({ a: 'x {{ name }} y {{list}}', b: ['{{\n}}'] })).toEqual(['name', 'list', '']);
  });

  it('takes no longer for texts that nearly are places', () => {
    // With a look at each end of each run of spaces these took hours.
    const spaces = ' '.repeat(300_000);
    for (const text of [`{{${spaces}`, `{{${spaces}x${spaces}}`, '{{'.repeat(150_000), `{{ a ${spaces}`.repeat(3)]) {
      expect(fill(text)).toBe(text);
      expect(placesIn(text)).toEqual([]);
    }
  });
});
