import { type Addressing, locationBack } from './location-back.ts';

/**
 * `5; url=/next`, by which old pages redirect, in the client's terms; undefined where it stays as it is. Read by the steps
 * of browsers (WHATWG HTML §4.2.5.3, "shared declarative refresh steps"), by index.
 */
export function refreshBack(value: string, addressing: Addressing): string | undefined {
  const address = addressIn(value);
  if (address === undefined) return undefined;
  const back = locationBack(value.slice(address.from, address.to), addressing);
  return back === undefined ? undefined : value.slice(0, address.from) + back + value.slice(address.to);
}

/** Where the address is; undefined where there is none. */
function addressIn(value: string): { readonly from: number; readonly to: number } | undefined {
  const begin = skip(value, 0, BLANKS);
  const time = skip(value, begin, '0123456789.');
  if (time === begin) return undefined;
  let from = skip(value, time, BLANKS);
  const separated = value[from] === ';' || value[from] === ',';
  if (separated) from += 1;
  else if (from === time) return undefined;
  from = skip(value, from, BLANKS);
  from = behindName(value, from);
  const quote = value[from];
  if (quote === '"' || quote === "'") {
    from += 1;
    const end = value.indexOf(quote, from);
    return { from, to: end === -1 ? value.length : end };
  }
  return { from, to: value.trimEnd().length };
}

/** Behind `url=`, where it is there. */
function behindName(value: string, from: number): number {
  if (value.slice(from, from + 3).toLowerCase() !== 'url') return from;
  const equals = skip(value, from + 3, BLANKS);
  return value[equals] === '=' ? skip(value, equals + 1, BLANKS) : from;
}

const BLANKS = ' \t';

function skip(text: string, from: number, characters: string): number {
  let at = from;
  while (at < text.length && characters.includes(text.charAt(at))) at += 1;
  return at;
}
