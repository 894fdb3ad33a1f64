import { METHODS } from 'node:http';

/** The methods that a route can take: those that node's parser reads, without the two that are refused on every path. */
export const ROUTABLE_METHODS: ReadonlySet<string> = new Set(
  METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE'),
);
