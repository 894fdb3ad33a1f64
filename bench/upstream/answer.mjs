/** What every upstream answers: a small JSON document, so that the proxy and not the copying of bytes is measured. */
export const ANSWER = JSON.stringify({
  id: 4711,
  status: 'shipped',
  customer: 'c-1029',
  items: Array.from({ length: 8 }, (_, at) => ({ sku: `A-${1000 + at}`, quantity: at + 1, price: '19.90' })),
});
