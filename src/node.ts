/** The library with the host that Node runs on. */
export { NodeHost } from './host/node-host.js';
export * from './index.js';
