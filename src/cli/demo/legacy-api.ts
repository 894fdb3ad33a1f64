import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, type DemoServer, type Question, startDemoServer } from './loopback.ts';

interface Order {
  readonly id: number;
  readonly item: string;
  readonly quantity: number;
  readonly createdBy: string | undefined;
}

/** Orders beyond these push the oldest out: the demo may run for days. */
const MAX_ORDERS = 100;

/**
 * Starts the demo's "legacy" API on 127.0.0.1. It knows nothing of tokens and believes the headers X-User-Id and
 * X-Tenant, as such services do: `/api/data` and `/health` answer GET, `/api/orders` GET and POST.
 */
export function startLegacyApi({ port }: { readonly port: number }): Promise<DemoServer> {
  const orders: Order[] = [
    { id: 1, item: 'keyboard', quantity: 2, createdBy: 'demo' },
    { id: 2, item: 'screen', quantity: 1, createdBy: 'demo' },
  ];
  return startDemoServer(port, () => ({
    '/health': { GET: () => ({ status: 200, json: { status: 'ok' } }) },
    '/api/data': { GET: ({ headers }) => ({ status: 200, json: dataFor(headers) }) },
    '/api/orders': {
      GET: () => ({ status: 200, json: { orders } }),
      POST: (question) => addOrder(question, orders),
    },
  }));
}

/** Some data, and what the service saw of the one who asks: the point of the demo is that it is this and no more. */
function dataFor(headers: IncomingHttpHeaders): object {
  return {
    data: [
      { id: 1, name: 'first' },
      { id: 2, name: 'second' },
    ],
    seen: {
      userId: headers['x-user-id'] ?? null,
      tenant: headers['x-tenant'] ?? null,
      requestId: headers['x-request-id'] ?? null,
      authorization: headers.authorization !== undefined,
    },
  };
}

function addOrder({ headers, body }: Question, orders: Order[]): Answer {
  if (body === undefined) return { status: 413, json: { error: 'too_large', message: 'an order has 16 KiB at most' } };
  const wanted = readOrder(body);
  if (!wanted) {
    const message = 'send JSON such as {"item":"mouse","quantity":1}';
    return { status: 400, json: { error: 'bad_order', message } };
  }
  const id = (orders.at(-1)?.id ?? 0) + 1;
  const order: Order = { id, ...wanted, createdBy: headers['x-user-id']?.toString() };
  orders.push(order);
  if (orders.length > MAX_ORDERS) orders.shift();
  return { status: 201, json: order };
}

function readOrder(body: string): Pick<Order, 'item' | 'quantity'> | undefined {
  let order: { item?: unknown; quantity?: unknown } | null;
  try {
    order = JSON.parse(body);
  } catch {
    return undefined;
  }
  const { item, quantity = 1 } = order ?? {};
  if (typeof item !== 'string' || item === '' || item.length > 100) return undefined;
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1) return undefined;
  return { item, quantity };
}
