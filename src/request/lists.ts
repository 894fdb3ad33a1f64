/** `text` without spaces and tabs at its ends: what RFC 9110 §5.6.3 calls OWS, and no more than that. */
export function trimBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (from < to && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return to - from === text.length ? text : text.slice(from, to);
}

/** `text` without any of these characters at its end. */
export function trimEndOf(text: string, characters: string): string {
  let to = text.length;
  while (to > 0 && characters.includes(text.charAt(to - 1))) to -= 1;
  return text.slice(0, to);
}

/** The members of a comma-separated list in their order; several fields are one list (RFC 9110 §5.3, §5.6.1). */
export function listMembers(fields: readonly string[]): string[] {
  const members: string[] = [];
  for (const field of fields) {
    for (const part of field.split(',')) {
      const member = trimBlanks(part);
      if (member !== '') members.push(member);
    }
  }
  return members;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

const SPACE = 0x20;
const TAB = 0x09;
