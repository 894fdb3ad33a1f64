/** A length of time as a person says it: `2 h 14 min`, `3 d 4 h`, `12 s`. Seconds in, the two largest units out. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units = [
    ['d', Math.floor(whole / 86_400)],
    ['h', Math.floor(whole / 3_600) % 24],
    ['min', Math.floor(whole / 60) % 60],
    ['s', whole % 60],
  ] as const;
  const first = units.findIndex(([, count]) => count > 0);
  if (first === -1) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count} ${unit}`)
    .join(' ');
}

/** Seconds since 1970 as RFC 3339 text, to the second. A number no calendar has is given as it is. */
export function isoTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : `${date.toISOString().slice(0, -5)}Z`;
}

/** Names out of a token, few and short enough for a sentence: an issuer may put a hundred of them there. */
export function listing(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => (name.length > 80 ? `${name.slice(0, 80)}…` : name));
  return names.length > shown.length ? `${shown.join(', ')} and ${names.length - shown.length} more` : shown.join(', ');
}

/**
 * In what a text differs from one that was expected, where it is little and easily overlooked: a whole sentence with a
 * space in front, else nothing. It tells how they differ and nothing of what the text is.
 */
export function smallDifference(text: string, expected: readonly string[]): string {
  const found = SMALL.find(([plain]) => expected.some((other) => other !== text && plain(other) === plain(text)));
  return found ? ` It differs only ${found[1]}.` : '';
}

const SMALL: readonly (readonly [plain: (text: string) => string, how: string])[] = [
  [(text) => text.replace(/\/$/, ''), 'in the slash at its end'],
  [(text) => text.replace(/^http:/, 'https:'), 'in http and https'],
  [(text) => text.replace(/^http:/, 'https:').replace(/\/$/, ''), 'in http and https, and in the slash at its end'],
  [(text) => text.trim(), 'in white space around it'],
  [(text) => text.toLowerCase(), 'in capital and small letters'],
  [(text) => text.replace(/^https?:\/\//, '').replace(/\/$/, ''), 'in the https:// in front'],
  [(text) => text.replace(/:443(?=\/|$)/, ''), 'in the port :443, which https has anyway'],
  [
    (text) => text.replace(/\/v\d+(?:\.\d+)?(?=\/|$)/, ''),
    'in its version (/v1, /v2.0): the issuer has several, each with tokens of its own',
  ],
];
