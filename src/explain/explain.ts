import type { Assembly, GatewayRoute } from '../assembly.ts';
import { Permit } from '../authorise/permit.ts';
import type { GuardSettings } from '../config/config.ts';
import type { Fault } from '../errors/fault.ts';
import { replyFor } from '../errors/problem.ts';
import type { Reply } from '../errors/reply.ts';
import { decide } from '../gateway.ts';
import { Journey, type Peer } from '../journey.ts';
import { type RequestHead, readHead } from '../request/head.ts';
import { newRequestId } from '../request/id.ts';
import { hostName } from '../route/host.ts';
import { actsForItsSender } from '../route/origin.ts';
import { inMatchOrder, standingOf } from '../route/ranking.ts';
import { type CompactJws, readCompact } from '../token/compact.ts';
import { extractToken } from '../token/extract.ts';
import { nameOf } from '../token/place.ts';
import { checkSteps, type Examined, isProved, scopesShown } from './checks.ts';
import type { ExplainedRoute, ExplainedToken, ExplainedUpstream, Explanation, Step } from './explanation.ts';
import { withoutCredentials, withoutToken } from './mask.ts';
import { type Question, requestFor } from './question.ts';

/** Whoever asks is on this machine, and nobody's proxy. */
function askerOf({ config }: Assembly): Peer {
  return { address: '127.0.0.1', encrypted: config.listen.tls !== undefined, trusted: false };
}

/**
 * What the gateway would do with a request, and why. The gateway's own code decides; what it wrote into the journey on
 * the way is told here in words. `now` is in milliseconds since 1970.
 */
export async function explain(question: Question, world: Assembly, now: number): Promise<Explanation> {
  const head = readHead(requestFor(question, world), world.sorter);
  const journey = new Journey(newRequestId(now), askerOf(world), head.ok ? head.value : undefined, world);
  const decision = head.ok ? await decide(world, journey, head.value, now) : head;
  const findings = new Findings(world, journey, question, now);
  if (!decision.ok) return findings.refused(decision.fault);
  return decision.value instanceof Permit ? findings.forwarded(decision.value) : findings.answered(decision.value);
}

/** What a journey shows when it is over. */
class Findings {
  readonly #world: Assembly;
  readonly #journey: Journey;
  readonly #question: Question;
  readonly #now: number;

  constructor(world: Assembly, journey: Journey, question: Question, now: number) {
    this.#world = world;
    this.#journey = journey;
    this.#question = question;
    this.#now = now;
  }

  refused(fault: Fault): Explanation {
    const style = { publicUrl: undefined, format: 'problem', detail: 'client' } as const;
    const reply = replyFor(this.#journey.refusedWith(fault), style);
    const { title, detail, fix } = JSON.parse(reply.body) as { title: string; detail?: string; fix: string };
    const cause = detail ?? `${title}.`;
    const decided = { decision: 'refused', status: reply.status, code: fault.code, cause, fix } as const;
    return { ...decided, ...this.#common(fault, cause) };
  }

  forwarded(permit: Permit): Explanation {
    const { token, route } = permit;
    const who = token
      ? `The token of ${token.issuer.issuer} is good for the route ${route.id}.`
      : `The route ${route.id} is public: nobody's token is looked at.`;
    return { decision: 'forwarded', cause: who, ...this.#common(), upstream: this.#upstream(permit) };
  }

  answered(reply: Reply): Explanation {
    const cause = 'The gateway answers this itself, without a token: it is one of its own pages, or a preflight.';
    const { request, steps } = this.#common();
    const path = steps.filter(({ name }) => ['request', 'target', 'route'].includes(name));
    return { decision: 'answered', status: reply.status, cause, request, steps: path };
  }

  #common(fault?: Fault, cause = ''): Pick<Explanation, 'request' | 'steps' | 'route' | 'token'> {
    const { head, target, authority, route } = this.#journey;
    const request = { method: this.#question.method, host: authority || (head?.host ?? ''), path: target?.path ?? '' };
    const path = this.#pathSteps(fault, cause);
    const examined = this.#tokenSteps(fault, cause);
    return {
      request,
      steps: [...path, ...examined.steps],
      ...(route ? { route: this.#route(route) } : {}),
      ...(examined.token ? { token: examined.token } : {}),
    };
  }

  #pathSteps(fault: Fault | undefined, cause: string): Step[] {
    const { head, target, route } = this.#journey;
    if (head === undefined) return [{ name: 'request', result: 'fail', detail: cause }];
    const request: Step = { name: 'request', result: 'pass', detail: 'its head is well-formed' };
    if (target === undefined)
      return fault
        ? [request, { name: fault.code === 'route.method' ? 'method' : 'target', result: 'fail', detail: cause }]
        : [request];
    const tidied = target.path === rawPath(head) ? '' : ' (its canonical form)';
    if (fault?.code === 'route.target') return [request, { name: 'target', result: 'fail', detail: cause }];
    const steps: Step[] = [request, { name: 'target', result: 'pass', detail: `${target.path}${tidied}` }];
    if (route === undefined) return fault ? [...steps, { name: 'route', result: 'fail', detail: cause }] : steps;
    const { id, host, path, methods } = route.settings;
    const rule = `${methods?.join(', ') ?? 'any method'} ${host ?? ''}${path.source}`;
    steps.push({ name: 'route', result: 'pass', detail: `${id} (${rule})` });
    if (fault?.code === 'route.upgrade') steps.push({ name: 'upgrade', result: 'fail', detail: cause });
    return steps;
  }

  #route(route: GatewayRoute): ExplainedRoute {
    const { target, authority } = this.#journey;
    const asked = { host: hostName(authority), path: target?.path ?? '', method: this.#question.method };
    const others = inMatchOrder(this.#world.table.routes).flatMap((other) => {
      const standing = standingOf(other, route, asked);
      const { id } = other.settings;
      if (standing.kind === 'other-method') return [{ id, lost: `it takes ${standing.methods.join(', ')} only` }];
      return standing.kind === 'less-specific' ? [{ id, lost: `less specific: ${standing.why}` }] : [];
    });
    return { id: route.settings.id, upstream: route.settings.upstream.name, others };
  }

  #tokenSteps(fault: Fault | undefined, cause: string): { steps: Step[]; token?: ExplainedToken } {
    const { head, target, route } = this.#journey;
    const guard = route?.settings.guard;
    const beforeToken = fault?.code.startsWith('route.') && fault.code !== 'route.origin';
    if (!head || !target || !route || guard === undefined || beforeToken) return { steps: [] };
    if (guard === 'public')
      return { steps: [{ name: 'token', result: 'pass', detail: 'not looked at: the route is public' }] };
    const { query } = target;
    const found = extractToken(head, query, guard.tokenFrom, this.#world.config.listen.limits.token);
    if (!found.ok) return { steps: [{ name: 'token', result: 'fail', detail: cause }] };
    const { place } = found.value;
    const text = found.value.reveal();
    const read = readCompact(text);
    const jws = read.ok ? read.value : undefined;
    const examined = this.#examined(guard, jws);
    const opaque = examined.issuer !== undefined && 'introspection' in examined.issuer;
    const acts = place?.kind === 'cookie' && actsForItsSender(head);
    const checks = checkSteps(examined, { opaque, acts }, fault?.code, cause).map((step) =>
      this.#withNeeds(step, guard, jws),
    );
    const shown = shownToken(text);
    const token: ExplainedToken = {
      place: place ? `the ${nameOf(place)}` : 'the request',
      shown,
      verified: isProved(checks),
      ...(jws ? { header: jws.header, claims: jws.payload } : {}),
    };
    const step: Step = { name: 'token', result: 'pass', detail: `in ${token.place}: ${shown}` };
    return { steps: [step, ...checks], token };
  }

  #examined(guard: GuardSettings, jws: CompactJws | undefined): Examined {
    const iss = jws?.payload.iss;
    const issuer =
      jws === undefined
        ? guard.issuers.find((one) => 'introspection' in one)
        : guard.issuers.find((one) => one.issuer === iss);
    const ring = issuer && this.#world.keyRings.get(issuer.name);
    return { issuer, jws, keys: ring?.status(this.#now), now: this.#now };
  }

  /** What the route asks for stands beside the checks that ask for it. */
  #withNeeds(step: Step, { scopes, claims }: GuardSettings, jws: CompactJws | undefined): Step {
    if (step.result !== 'pass') return step;
    if (step.name === 'scope') {
      if (scopes === undefined) return { ...step, detail: 'the route asks for none' };
      const needed = scopes.kind === 'all' ? scopes.scopes.join(' ') : `one of ${scopes.scopes.join(', ')}`;
      const has = typeof jws?.payload.scope === 'string' ? `; ${scopesShown(jws.payload.scope.split(' '))}` : '';
      return { ...step, detail: `needs ${needed}${has}` };
    }
    if (step.name !== 'claim rules') return step;
    const names = claims.map(([path]) => path);
    return { ...step, detail: names.length > 0 ? `those on ${names.join(', ')} hold` : 'the route has none' };
  }

  #upstream(permit: Permit): ExplainedUpstream {
    const { head, target, route, id, authority } = this.#journey;
    if (!head || !target || !route) throw new Error('a permit without a route');
    const facts = { head, permit, requestId: id, trace: this.#journey.trace, authority, peer: this.#journey.peer };
    const { path, headers } = route.forwarder.preview(facts, target.path, target.query);
    const { upstream, headers: rules } = permit.route;
    const secret = new Set(
      [...upstream.headers, ...rules.set].flatMap(([name, { secret }]) => (secret ? [name.toLowerCase()] : [])),
    );
    const token = this.#rawToken(permit, head);
    const shown = pairs(headers).map(([name, value]) => {
      const lower = name.toLowerCase();
      const safe = secret.has(lower) ? '[secret]' : withoutToken(value, token);
      return [name, lower === 'authorization' && safe !== '[secret]' ? withoutCredentials(safe) : safe] as const;
    });
    return {
      name: upstream.name,
      method: head.method,
      url: `${upstream.urls[0]}${withoutToken(path, token)}`,
      headers: shown,
    };
  }

  #rawToken({ route: { guard } }: Permit, head: RequestHead): string | undefined {
    if (guard === 'public') return this.#question.token;
    const found = extractToken(
      head,
      this.#journey.target?.query ?? '',
      guard.tokenFrom,
      this.#world.config.listen.limits.token,
    );
    return found.ok ? found.value.reveal() : undefined;
  }
}

function rawPath({ target }: RequestHead): string {
  return target.split('?', 1)[0] ?? '';
}

/** The beginning of a token, by which its owner knows it, and its length; of a short one only the length. */
export function shownToken(text: string): string {
  const beginning = text.length >= 64 ? `${text.slice(0, 10)}…` : '[token]';
  return `${beginning} (${text.length} characters)`;
}

function pairs(list: readonly string[]): (readonly [string, string])[] {
  const result: (readonly [string, string])[] = [];
  for (let at = 0; at < list.length; at += 2) result.push([list[at] as string, list[at + 1] as string]);
  return result;
}
