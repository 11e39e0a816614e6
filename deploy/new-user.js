/**
 * Where `npm run newuser` begins. Whoever is new has an older Node as a rule, and calls it without npm: which cannot read a line of types, and is told in words what is
 * needed. Without types itself, for that.
 */
if (!process.features.typescript) {
  process.stderr.write(
    `This is Node ${process.versions.node}, which runs no TypeScript; the project brings its own Node. Run it by npm, after "npm ci": npm run newuser\n`,
  );
  process.exit(1);
}
const { main } = await import('./new-user-timed.ts');
main().then(
  () => process.exit(0),
  (/** @type {Error} */ error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);
