// Who can get a token of the provider, how it is signed, and what it says of them.

export const SECRET = 'not-a-secret-but-32-bytes-at-least';

/** For how many seconds a token is valid. */
export const LIFETIME = 60;

export const CLIENTS = {
	ann: { algorithm: 'RS256', claims: { realm: { roles: ['adder'] }, team: 'blue' } },
	bob: { algorithm: 'ES256', claims: { realm: { roles: ['adder'] }, team: 'red' } },
	eve: { algorithm: 'EdDSA', claims: { realm: { roles: [] }, team: 'blue' } },
};
