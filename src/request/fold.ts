/**
 * A field name as the most careless upstream reads it: in small letters, every character but letters and digits as `-`.
 * CGI makes one variable of `X-User-Id`, `X_User_Id` and `X~User!Id`, since RFC 9110's names have 15 such characters and
 * names of variables have one (lighttpd, old Apache, WSGI); PHP does it with `.` too. Whoever compares names for what an
 * upstream may take them for compares these.
 */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}
