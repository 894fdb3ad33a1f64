import { trimBlanks } from './lists.ts';

/** The parameters of one element of Forwarded, by their lower-case names; of one that is repeated, the first. */
export type ForwardedElement = ReadonlyMap<string, string>;

/** The elements of a Forwarded field (RFC 7239 §4) in their order. Values are trimmed and without their quotes. */
export function forwardedElements(field: string): ForwardedElement[] {
  return splitOutsideQuotes(field, ',').map(parametersOf);
}

function parametersOf(element: string): ForwardedElement {
  const parameters = new Map<string, string>();
  for (const pair of splitOutsideQuotes(element, ';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    const name = trimBlanks(pair.slice(0, equals)).toLowerCase();
    if (!parameters.has(name)) parameters.set(name, unquoted(trimBlanks(pair.slice(equals + 1))));
  }
  return parameters;
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\' && isQuoted) at += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === separator && !isQuoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** A text without the quotes around it. */
export function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
