// The parts that the fixtures use of two packages that come without types.

declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  export const errors: { readonly InvalidTarget: new () => Error };

  export class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
    on(event: 'server_error', listener: (context: unknown, error: Error) => void): this;
  }
}

declare module 'json-server' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;
  const jsonServer: {
    create(): RequestListener & { use(middleware: Middleware): void };
    router(db: object): Middleware;
  };
  export default jsonServer;
}
