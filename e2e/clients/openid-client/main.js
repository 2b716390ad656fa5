// A small app on openid-client alone, as its guide has it: what a certified, strict client wants of a provider.
// It hears logouts with jose, an implementation of JSON Web Tokens that nobody of us wrote.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRemoteJWKSet, importJWK, jwtVerify } from 'jose';
import * as client from 'openid-client';

// METHOD is how this app proves who it is, ALGORITHM how its tokens are signed.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT, METHOD, ALGORITHM, SCRATCH } = process.env;
const HERE = `http://127.0.0.1:${PORT}`;
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

const proofs = {
  client_secret_basic: () => client.ClientSecretBasic(CLIENT_SECRET),
  client_secret_post: () => client.ClientSecretPost(CLIENT_SECRET),
  // The key is one of keys.js.
  private_key_jwt: async () => {
    const { kid, ...jwk } = JSON.parse(readFileSync(`${SCRATCH}/private.json`));
    return client.PrivateKeyJwt({ key: await importJWK(jwk, 'ES256'), kid });
  },
  none: () => client.None(),
};
const provider = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  { id_token_signed_response_alg: ALGORITHM },
  await proofs[METHOD](),
  { execute: [client.allowInsecureRequests] },
);
// The signature of the ID token counts too, though it comes straight from the provider.
client.enableNonRepudiationChecks(provider);

const keys = createRemoteJWKSet(new URL(provider.serverMetadata().jwks_uri));
// What was begun and what goes on, by the number in the cookie.
const begun = new Map();
const sessions = new Map();
// The sessions that we were told have ended.
const ended = [];

function fail(sentence) {
  throw new Error(sentence);
}

// Begins a sign-in.
async function begin() {
  const number = randomUUID();
  const verifier = client.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
    maxAge: 3600,
  };
  begun.set(number, checks);
  const to = client.buildAuthorizationUrl(provider, {
    redirect_uri: `${HERE}/callback`,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    max_age: String(checks.maxAge),
  });
  return { status: 302, headers: { location: to.href, 'set-cookie': `number=${number}; HttpOnly` } };
}

async function callback({ number, url }) {
  const checks = begun.get(number) ?? fail('nothing was begun');
  begun.delete(number);
  const tokens = await client.authorizationCodeGrant(provider, url, checks);
  sessions.set(number, { tokens, sub: tokens.claims().sub });
  return { status: 302, headers: { location: '/private' } };
}

// Whether an access token is good still. An app that cannot prove who it is may not ask, and simply uses it.
async function isGood(token, sub) {
  if (METHOD !== 'none') return (await client.tokenIntrospection(provider, token)).active;
  try {
    await client.fetchUserInfo(provider, token, sub);
    return true;
  } catch (error) {
    if (error instanceof client.WWWAuthenticateChallengeError && error.status === 401) return false;
    throw error;
  }
}

// Every request asks the provider.
async function readPrivate({ number }) {
  const session = sessions.get(number);
  if (!session) return begin();
  if (!(await isGood(session.tokens.access_token, session.sub))) {
    sessions.delete(number);
    return { status: 401, body: 'signed out' };
  }
  const person = await client.fetchUserInfo(provider, session.tokens.access_token, session.sub);
  return { status: 200, body: `Only for ${person.email}` };
}

async function refresh({ number }) {
  const session = sessions.get(number) ?? fail('nobody is signed in');
  const before = session.tokens;
  try {
    session.tokens = await client.refreshTokenGrant(provider, before.refresh_token);
  } catch (error) {
    if (error instanceof client.ResponseBodyError) return { status: 401, body: error.error };
    throw error;
  }
  const holds =
    (await isGood(session.tokens.access_token, session.sub)) &&
    session.tokens.access_token !== before.access_token &&
    session.tokens.refresh_token !== before.refresh_token;
  return { status: holds ? 200 : 500, body: 'refreshed' };
}

// Gives the refresh token back; afterwards nothing that came of it is good.
async function revoke({ number }) {
  const { tokens, sub } = sessions.get(number) ?? fail('nobody is signed in');
  await client.tokenRevocation(provider, tokens.refresh_token);
  return { status: 200, body: (await isGood(tokens.access_token, sub)) ? 'good still' : 'revoked' };
}

async function sid({ number }) {
  return { status: 200, body: sessions.get(number).tokens.claims().sid };
}

// OpenID Connect Back-Channel Logout 1.0, section 2.6.
async function backchannel({ form }) {
  const { payload } = await jwtVerify(form.get('logout_token'), keys, {
    issuer: ISSUER,
    audience: CLIENT_ID,
    typ: 'logout+jwt',
    algorithms: [ALGORITHM],
    requiredClaims: ['iat', 'exp', 'jti', 'sid', 'events'],
    clockTolerance: 5,
  });
  if (JSON.stringify(payload.events[LOGOUT_EVENT]) !== '{}' || 'nonce' in payload) fail('not a logout token');
  ended.push(payload.sid);
  return { status: 200 };
}

async function allEnded() {
  return { status: 200, body: ended.join('\n') };
}

const answers = {
  'GET /private': readPrivate,
  'GET /callback': callback,
  'GET /refresh': refresh,
  'GET /revoke': revoke,
  'GET /sid': sid,
  'GET /ended': allEnded,
  'POST /backchannel': backchannel,
};

createServer(async (request, response) => {
  const url = new URL(request.url, HERE);
  try {
    let text = '';
    for await (const part of request) text += part;
    const number = /(?:^|; )number=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    const answer = answers[`${request.method} ${url.pathname}`] ?? fail('there is no such page');
    const { status, headers, body } = await answer({ number, url, form: new URLSearchParams(text) });
    response.writeHead(status, headers).end(body);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end(String(error));
  }
}).listen(Number(PORT), '127.0.0.1');
