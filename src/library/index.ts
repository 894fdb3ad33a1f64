export type { ConfigError, ConfigProblem, Gateway, GatewaySource } from './api.ts';
export { createGateway } from './gateway.ts';
