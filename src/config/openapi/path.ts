import { type PathPattern, readPattern } from '../pattern.ts';
import { oneLine } from './document.ts';

export interface ReadPath {
  readonly pattern: PathPattern;
  readonly notes: readonly string[];
}

/** A path template as one of our patterns, or why it can be none. */
export function pathOf(prefix: string, template: string): ReadPath | string {
  if (!template.startsWith('/')) return 'a path begins with a slash';
  const notes: string[] = [];
  const names = new Set<string>();
  const segments = `${prefix}${template.split(/[?#]/, 1)[0]}`
    .slice(1)
    .split('/')
    .map((segment) => {
      const [, name] = /\{([^{}]*)\}/.exec(segment) ?? [];
      if (name === undefined)
        return segment
          .replace(/%[0-9a-f]{2}/gi, (octet) => octet.toUpperCase())
          .replace(/[^A-Za-z0-9\-._~!$&'()+,=:@%*;]/gu, encodeURIComponent);
      if (segment !== `{${name}}`) notes.push(`\`${oneLine(segment)}\` in the document: here it is any one segment`);
      return `{${uniqueParam(name, names)}}`;
    });
  if (segments.some((segment) => segment.includes(';')))
    return 'it has a semicolon, for which a route needs `allow: [semicolon]`';
  const pattern = readPattern(`/${segments.join('/')}`);
  if (typeof pattern === 'string') return pattern;
  return /^\/\.well-known\/(?:bearergate|oauth-protected-resource)(?:\/|$)/.test(pattern.source)
    ? 'the gateway itself answers this path'
    : { pattern, notes };
}

function uniqueParam(name: string, taken: Set<string>): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');
  let param = plain;
  for (let number = 2; taken.has(param); number += 1) param = `${plain}_${number}`;
  taken.add(param);
  return param;
}
