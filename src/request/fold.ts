/**
 * A field name as the most careless upstream reads it: in small letters, every character but letters and digits as `-`.
 * CGI makes one variable of `X-User-Id`, `X_User_Id` and `X~User!Id`, since RFC 9110's names have 15 such characters and
 * names of variables have one (lighttpd, old Apache, WSGI); PHP does it with `.` too. Every comparison
 * of names by what an upstream may read them as uses this form.
 */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

/** Whether a text has, from `start`, what is folded to the same as `name`; nothing is made of it for that. */
export function isFolded(text: string, start: number, name: string): boolean {
  if (text.length - start < name.length) return false;
  for (let at = 0; at < name.length; at += 1)
    if (foldCode(text.charCodeAt(start + at)) !== foldCode(name.charCodeAt(at))) return false;
  return true;
}

/** Of a letter its small one, of a digit itself, of anything else `-`. */
function foldCode(code: number): number {
  const lower = code | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return lower;
  return code >= 0x30 && code <= 0x39 ? code : 0x2d;
}
