/**
 * Whether a JSON text has an object with the same member name twice, however it is spelt (`"a"` and `"\u0061"` are
 * one name). JSON.parse keeps the last one silently. The text must have passed JSON.parse already.
 */
export function duplicateMember(text: string): boolean {
  const open: (Set<string> | undefined)[] = []; // for each open bracket: the names seen, or undefined for an array
  let names: Set<string> | undefined;
  let nameComes = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '{':
        names = new Set();
        open.push(names);
        nameComes = true;
        break;
      case '[':
        names = undefined;
        open.push(names);
        break;
      case '}':
      case ']':
        open.pop();
        names = open.at(-1);
        nameComes = false;
        break;
      case ',':
        nameComes = names !== undefined;
        break;
      case '"': {
        const end = stringEnd(text, at);
        if (nameComes && names) {
          const name: string = JSON.parse(text.slice(at, end + 1));
          if (names.has(name)) return true;
          names.add(name);
          nameComes = false;
        }
        at = end;
        break;
      }
    }
  }
  return false;
}

/** Index of the quote that ends the string which begins at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
