import type { RouteSettings } from '../config/config.ts';
import { type Asked, clientOrigin } from '../request/client-origin.ts';
import { hostName } from '../route/host.ts';
import { cookieBack } from './cookie-back.ts';
import { locationBack } from './location-back.ts';
import { OwnOrigins } from './own-origins.ts';
import { refreshBack } from './refresh-back.ts';

/** Gives a header of an answer back in the client's terms. `name` is lower-case. */
export interface RewriteBack {
  /** Undefined where the value stays as it is. `sentTo` is the path and query that the upstream got. */
  header(name: string, value: string, asked: Asked, sentTo: string): string | undefined;
}

/**
 * What turns addresses of the upstream's into the client's. Only what names the upstream itself is changed, and the Path of
 * cookies where the route sends on other paths than came. Link stays: it may name what no client asks for.
 */
export function rewriteBack({ rewrite, upstream }: RouteSettings): RewriteBack {
  const view = { ours: rewrite.stripPrefix, theirs: rewrite.addPrefix };
  const own = new OwnOrigins(upstream);
  const { protocol } = new URL(upstream.urls[0]);
  return {
    header(name, value, asked, sentTo) {
      switch (name) {
        case 'location':
        case 'content-location':
          return locationBack(value, { view, own, protocol, asked, sentTo });
        case 'refresh':
          return refreshBack(value, { view, own, protocol, asked, sentTo });
        case 'set-cookie':
          return cookieBack(value, view, (domain) => own.hasName(domain, asked.authority) && !isClients(domain, asked));
        default:
          return undefined;
      }
    },
  };
}

/** A Domain that is the host which the client addressed: its browser takes that. */
function isClients(domain: string, asked: Asked): boolean {
  const client = clientOrigin(asked);
  return client !== undefined && hostName(client.host) === hostName(domain.startsWith('.') ? domain.slice(1) : domain);
}
