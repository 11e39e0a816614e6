import { describe, expect, it } from 'vitest';
import { assignments, expand, parseDockerfile } from '../../../deploy/image/dockerfile.ts';
import { contextFilter } from '../../../deploy/image/ignore.ts';

describe('reading a Dockerfile', () => {
  it('finds stages, joins continued lines, leaves comments out', () => {
    const stages = parseDockerfile(
      [
        '# first',
        'FROM a:1 AS one',
        'RUN x \\',
        '# between',
        ' && y',
        '',
        'FROM one',
        'COPY --from=one /a /b',
        'CMD ["c", "d e"]',
      ].join('\n'),
    );
    expect(stages.map(({ name, from }) => [name, from])).toEqual([
      ['one', 'a:1'],
      [undefined, 'one'],
    ]);
    expect(stages[0]?.instructions[0]).toMatchObject({ name: 'RUN', text: 'x   && y', line: 3 });
    expect(stages[1]?.instructions[0]).toMatchObject({ name: 'COPY', flags: { from: 'one' }, text: '/a /b' });
    expect(stages[1]?.instructions[1]?.list).toEqual(['c', 'd e']);
  });

  it.each([
    ['FROM a\nADD b c', 'line 2: ADD is not known here'],
    ['RUN x', 'line 1: RUN before the first FROM'],
    ['FROM a\nRUN cat <<EOF', 'line 2: here-documents'],
    ['FROM a\nRUN x \\', 'line 2: the last line is not complete'],
    ['FROM a FOR b', 'line 1: FROM a FOR b'],
  ])('refuses what it cannot carry out: %j', (source, message) => {
    expect(() => parseDockerfile(source)).toThrow(message);
  });

  it('reads assignments, quoted and not, and puts variables in', () => {
    expect(assignments(`A=1 b.c="x y" D="v\${A}"`, { A: '7' })).toEqual({ A: '1', 'b.c': 'x y', D: 'v7' });
    expect(() => expand(`\${MISSING}`, {})).toThrow('is not defined');
  });
});

describe('what a build sees', () => {
  it('the last pattern that fits decides, and a folder takes all below it along', () => {
    const isIn = contextFilter('# only\n*\n!src\n!deploy\ndeploy/*\n!deploy/a.sh\nsrc/*.log\n');
    const paths = [
      'src/x/y.ts',
      'src/x.log',
      'src/x/y.log',
      'srcs/x',
      'deploy/a.sh',
      'deploy/b.sh',
      '.env',
      'data/x.db',
    ];
    expect(paths.filter(isIn)).toEqual(['src/x/y.ts', 'src/x/y.log', 'deploy/a.sh']);
  });

  it('with no patterns everything is in', () => {
    expect(contextFilter('')('a/b')).toBe(true);
  });

  it('refuses patterns it would read wrongly', () => {
    expect(() => contextFilter('**/x')).toThrow('more than is known here');
    expect(() => contextFilter('a?')).toThrow('more than is known here');
  });
});
