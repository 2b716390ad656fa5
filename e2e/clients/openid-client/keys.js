// Makes the key by which the app proves who it is: private.json for the app, public.json for the provider.

import { writeFileSync } from 'node:fs';
import { exportJWK, generateKeyPair } from 'jose';

const { SCRATCH } = process.env;
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
const named = { kid: 'of the app', alg: 'ES256', use: 'sig' };
writeFileSync(`${SCRATCH}/private.json`, JSON.stringify({ ...(await exportJWK(privateKey)), ...named }));
writeFileSync(`${SCRATCH}/public.json`, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), ...named }] }));
