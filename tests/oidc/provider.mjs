// An OpenID provider that is not ours: `oidc-provider`, certified by the OpenID
// Foundation, dressed as FranceConnect and ProConnect are (paths under /api/v2,
// pairwise subjects, one claim a scope, signed user information, `iss` in the
// answer, PKCE demanded). It asks nobody anything: whoever comes is the one person
// its client knows. For tests only; everything is in memory.
//
//   node provider.mjs '{"alg":"ES256","clients":[{"id":…,"secret":…,"callback":…,"afterLogout":…,"acr":…,"person":{…}}]}'
//
// Says its issuer on the first line of standard output. POST /control/rotate
// signs with new keys from then on; the old ones are gone at once.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';

// It would warn of a runtime that is old to it, and of what is only for tests.
console.warn = console.info = () => {};
const { default: Provider } = await import('oidc-provider');
const { default: MemoryAdapter } = await import('oidc-provider/lib/adapters/memory_adapter.js');

/** Outlives a change of keys: a kind of its own shares what each instance would keep apart. */
class Remembered extends MemoryAdapter {}

const wanted = JSON.parse(process.argv[2]);
const PREFIX = '/api/v2';
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}${PREFIX}`;

let generation = 0;

/** A new set of keys, one for each algorithm, with names that no former one had. */
async function keys() {
  generation += 1;
  const made = ['ES256', 'RS256'].map(async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `${alg}-${generation}` };
  });
  return { keys: await Promise.all(made) };
}

const clientOf = (id) => wanted.clients.find((client) => client.id === id);
const claimNames = [...new Set(wanted.clients.flatMap((client) => Object.keys(client.person)))];

/** The provider with new keys; what it gave out before is remembered. */
async function provider() {
  const made = new Provider(issuer, {
    adapter: Remembered,
    jwks: await keys(),
    clients: wanted.clients.map((client) => ({
      client_id: client.id,
      client_secret: client.secret,
      redirect_uris: [client.callback],
      post_logout_redirect_uris: [client.afterLogout],
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      subject_type: 'pairwise',
      // ProConnect tells when somebody authenticated without being asked for it.
      require_auth_time: true,
      id_token_signed_response_alg: wanted.alg,
      userinfo_signed_response_alg: wanted.alg,
    })),
    acrValues: wanted.clients.map((client) => client.acr),
    // One claim a scope, as FranceConnect has them.
    scopes: ['openid', ...claimNames],
    claims: {
      openid: ['sub'],
      acr: null,
      amr: null,
      ...Object.fromEntries(claimNames.map((name) => [name, [name]])),
    },
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: (ctx, accountId, client) =>
      createHash('sha256').update(`${client.clientId}/${accountId}`).digest('hex'),
    pkce: { required: () => true },
    conformIdTokenClaims: true,
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      jwtUserinfo: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    routes: {
      authorization: '/authorize',
      token: '/token',
      userinfo: '/userinfo',
      jwks: '/jwks',
      end_session: '/session/end',
    },
    ttl: { AuthorizationCode: 30, AccessToken: 60, IdToken: 60, Interaction: 600, Grant: 600, Session: 1800 },
    cookies: { keys: ['for-tests-only'] },
    interactions: { url: (ctx, interaction) => `${PREFIX}/interaction/${interaction.uid}` },
    findAccount: (ctx, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, ...clientOf(accountId).person }),
    }),
    renderError: (ctx, out, error) => {
      ctx.type = 'text';
      ctx.body = `${out.error}: ${out.error_description ?? error.message}`;
    },
  });
  return made;
}

/** Whoever comes is the client's one person, and agrees to everything. */
async function agree(current, request, response) {
  const { params, session } = await current.interactionDetails(request, response);
  const client = clientOf(params.client_id);
  const grant = new current.Grant({ accountId: session?.accountId ?? client.id, clientId: client.id });
  grant.addOIDCScope(params.scope);
  grant.addOIDCClaims(['acr', 'amr']);
  const result = {
    login: { accountId: client.id, acr: client.acr, amr: ['pwd', 'mfa'] },
    consent: { grantId: await grant.save() },
  };
  await current.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

let current = await provider();
server.on('request', async (request, response) => {
  try {
    if (request.method === 'POST' && request.url === '/control/rotate') {
      current = await provider();
      response.writeHead(204).end();
    } else if (request.url.startsWith(`${PREFIX}/interaction/`)) {
      await agree(current, request, response);
    } else if (request.url.startsWith(PREFIX)) {
      request.originalUrl = request.url;
      request.url = request.url.slice(PREFIX.length);
      current.callback()(request, response);
    } else {
      response.writeHead(404).end();
    }
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error?.stack ?? error));
  }
});
// Whoever started it holds the other end; it does not outlive them.
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${issuer}\n`);
