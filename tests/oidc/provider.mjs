// A real OpenID Connect provider for the tests: oidc-provider from npm, on loopback, with its own pages for logging in.
//
//   node provider.mjs FOLDER CLIENT_SECRET REDIRECT_URL [OPTIONS]
//
// FOLDER is where oidc-provider is installed. OPTIONS are JSON: "alg", how ID tokens are signed (RS256), "key" and "cert",
// files for TLS. Prints its issuer on the first line of standard output. Whoever logs in has
// the address that they type as their name; it is verified unless it begins with "unverified".

import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, secret, redirect, options] = process.argv.slice(2);
const { alg = "RS256", key, cert } = JSON.parse(options ?? "{}");
const resolve = createRequire(`${folder}/`).resolve;
const { default: Provider } = await import(pathToFileURL(resolve("oidc-provider")));

function keys() {
  const made = [
    ["RS256", "rsa", { modulusLength: 2048 }],
    ["ES256", "ec", { namedCurve: "P-256" }],
    ["EdDSA", "ed25519", {}],
  ];
  return made.map(([kid, kind, how]) => ({
    ...generateKeyPairSync(kind, how).privateKey.export({ format: "jwk" }),
    kid,
  }));
}

let answer = (_, response) => response.writeHead(503).end();
const answerer = (request, response) => answer(request, response);
const server = cert
  ? createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, answerer)
  : createServer(answerer);
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `${cert ? "https" : "http"}://127.0.0.1:${server.address().port}`;

// Some providers say it as a text.
const verified = (id) => {
  const is = !id.startsWith("unverified");
  return id.includes("by-text") ? String(is) : is;
};

const client = {
  client_id: "attachlink",
  client_secret: secret,
  redirect_uris: [redirect],
  id_token_signed_response_alg: alg,
};
const provider = new Provider(issuer, {
  clients: [client],
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA", "HS256"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  jwks: { keys: keys() },
  cookies: { keys: ["a key of the tests"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: verified(id) }),
  }),
});
answer = provider.callback();
console.log(issuer);
