import { createRequire } from 'node:module';
import util from 'node:util';
import type HttpProxy from 'http-proxy';

type Package = typeof HttpProxy;

let loaded: Package | undefined;

/**
 * http-proxy, read when a route needs it first. It takes `util._extend` while it is read, and from Node 22 on calling
 * that warns once in every process (DEP0060), which an operator can do nothing about. It gets the function that node
 * names in its place; for everybody else `util` stays as it is, and so do all other warnings.
 */
export function httpProxy(): Package {
  if (loaded) return loaded;
  const shared = util as { _extend?: unknown };
  const deprecated = Object.getOwnPropertyDescriptor(shared, '_extend');
  Object.defineProperty(shared, '_extend', { value: Object.assign, configurable: true, writable: true });
  try {
    loaded = createRequire(import.meta.url)('http-proxy') as Package;
  } finally {
    if (deprecated) Object.defineProperty(shared, '_extend', deprecated);
    else delete shared._extend;
  }
  return loaded;
}
