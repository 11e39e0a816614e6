// The daemon serves the package's own module at this path; see src/console/console-page.ts.
export * from 'livekit-client';
