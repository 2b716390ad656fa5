// A small app on Express and express-openid-connect, as their guides have it, with back-channel logout.

import express from 'express';
import openid from 'express-openid-connect';
import memorystore from 'memorystore';

const { auth, requiresAuth } = openid;
const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env;
const MemoryStore = memorystore(auth);

const app = express();
app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: `http://127.0.0.1:${PORT}`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: CLIENT_SECRET,
    authRequired: false,
    idpLogout: true,
    authorizationParams: { response_type: 'code', scope: 'openid profile email' },
    session: { store: new MemoryStore({ checkPeriod: 60_000 }) },
    backchannelLogout: true,
    // Once: afterwards this app asks nobody, so that what ends its sessions is what it is told.
    async afterCallback(request, response, session) {
      const { userinfo_endpoint: userinfo } = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json();
      const person = await fetch(userinfo, { headers: { authorization: `Bearer ${session.access_token}` } });
      return { ...session, email: (await person.json()).email };
    },
  }),
);

app.get('/', (request, response) => {
  response.send(request.oidc.isAuthenticated() ? 'Welcome' : 'Nobody is signed in');
});

app.get('/private', requiresAuth(), (request, response) => {
  response.send(`Only for ${request.appSession.email}`);
});

app.listen(Number(PORT), '127.0.0.1');
