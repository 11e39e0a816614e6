export { startVapi, type VapiOptions, type VapiServer } from './server.ts';
