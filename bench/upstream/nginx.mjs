import { userInfo } from 'node:os';
import { ANSWER, SIZES } from './answer.mjs';

/**
 * The text of an nginx configuration: everything within `folder`, so that it needs no rights and leaves
 * nothing behind. Connections are never closed by count or idleness: the proxy shall not pay for new ones.
 */
export function nginxConfig(folder, port, workers) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
user ${userInfo().username};
worker_processes ${workers};
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
${temporary.map((kind) => `  ${kind}_temp_path ${folder}/${kind};`).join('\n')}
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 1g;
    client_body_buffer_size 1m;
    location ~ /(${Object.keys(SIZES).join('|')})$ { alias ${folder}/$1; }
    location / {
      default_type application/json;
      return 200 '${ANSWER}';
    }
  }
}
`;
}
