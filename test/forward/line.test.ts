import test from 'ava';
import fc from 'fast-check';
import { type Waiting, WaitingLine } from '../../src/forward/line.ts';

test('a line is a list whose first goes first and from which anybody can leave, once', (t) => {
  // Steps are who joins or leaves: the line is compared with an array that does the same.
  const step = fc.record({ who: fc.nat(5), how: fc.constantFrom('join', 'leave', 'first') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const people: Waiting[] = Array.from({ length: 6 }, () => ({}));
      const line = new WaitingLine<Waiting>();
      let model: Waiting[] = [];
      for (const { who, how } of steps) {
        const one = how === 'first' ? model[0] : (people[who] as Waiting);
        if (one === undefined) continue;
        if (how === 'join') {
          if (model.includes(one)) continue;
          line.join(one);
          model.push(one);
        } else {
          line.leave(one);
          model = model.filter((other) => other !== one);
        }
        if (line.length !== model.length || line.first !== model[0]) return false;
      }
      for (const expected of model) {
        if (line.first !== expected) return false;
        line.leave(expected);
      }
      return line.length === 0 && line.first === undefined;
    }),
  );
  t.pass();
});
