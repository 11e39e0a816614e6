/**
 * `.dockerignore`: which files of a folder a build sees. The last pattern that fits decides; `!` takes back in; a pattern that fits a folder
 * fits all below it. https://docs.docker.com/build/concepts/context/#dockerignore-files
 */

/** Tells whether a path (relative, with `/`) belongs to the build. */
export function contextFilter(dockerignore: string): (path: string) => boolean {
  const rules = dockerignore
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const takesIn = line.startsWith('!');
      const pattern = (takesIn ? line.slice(1) : line).replace(/^\/+|\/+$/g, '');
      if (/[?[\]\\]|\*\*/.test(pattern)) throw new Error(`.dockerignore: ${line} is more than is known here`);
      return { takesIn, fits: new RegExp(`^${pattern.split('/').map(segment).join('/')}(/|$)`) };
    });
  return (path) => rules.reduce((inside, { takesIn, fits }) => (fits.test(path) ? takesIn : inside), true);
}

/** A name of a path; `*` stands for anything within one. */
function segment(part: string): string {
  return part.replace(/[.+^${}()|]/g, '\\$&').replaceAll('*', '[^/]*');
}
