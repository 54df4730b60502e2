// An OpenID provider on the loopback: node provider.mjs PORT KEYS [SECONDS]
//
// It issues access tokens for any resource, with the private keys in the file KEYS. Its clock is SECONDS ahead.

import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';
import { CLIENTS, LIFETIME, SECRET } from './clients.mjs';

const [port, keys, ahead = '0'] = process.argv.slice(2);
const now = Date.now;
Date.now = () => now() + Number(ahead) * 1000;

const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
	jwks: JSON.parse(readFileSync(keys, 'utf8')),
	clients: Object.keys(CLIENTS).map((client_id) => ({
		client_id,
		client_secret: SECRET,
		grant_types: ['client_credentials'],
		redirect_uris: [],
		response_types: [],
	})),
	features: {
		clientCredentials: { enabled: true },
		devInteractions: { enabled: false },
		dPoP: { enabled: true },
		resourceIndicators: {
			enabled: true,
			getResourceServerInfo: (_, resource, client) => ({
				scope: 'tools',
				audience: resource,
				accessTokenFormat: 'jwt',
				accessTokenTTL: LIFETIME,
				jwt: { sign: { alg: CLIENTS[client.clientId].algorithm } },
			}),
		},
	},
	extraTokenClaims: (_, { clientId }) => CLIENTS[clientId].claims,
	formats: { customizers: { jwt: (_, token, jwt) => Object.assign(jwt.payload, { nbf: jwt.payload.iat }) } },
});
provider.on('server_error', (_, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1', () => console.log(issuer));
