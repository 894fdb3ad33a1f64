/** What every upstream answers: a small JSON document, so that the proxy and not the copying of bytes is measured. */
export const ANSWER = JSON.stringify({
  id: 4711,
  status: 'shipped',
  customer: 'c-1029',
  items: Array.from({ length: 8 }, (_, at) => ({ sku: `A-${1000 + at}`, quantity: at + 1, price: '19.90' })),
});

/** Under these names, any path's last segment, there are answers of other sizes, in bytes. */
export const SIZES = { '1KiB': 1024, '100KiB': 100 * 1024, '10MiB': 10 * 1024 * 1024 };
