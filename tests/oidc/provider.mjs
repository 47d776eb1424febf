// A real OpenID Connect provider for the tests: oidc-provider from npm, on loopback, with its own pages for logging in.
//
//   node provider.mjs FOLDER CLIENT_SECRET REDIRECT_URL
//
// FOLDER is where oidc-provider is installed. Prints its issuer on the first line of standard output. Whoever logs in has
// the address that they type as their name; it is verified unless it begins with "unverified".

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, secret, redirect] = process.argv.slice(2);
const resolve = createRequire(`${folder}/`).resolve;
const { default: Provider } = await import(pathToFileURL(resolve("oidc-provider")));

let answer = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const client = { client_id: "attachlink", client_secret: secret, redirect_uris: [redirect] };
const provider = new Provider(issuer, {
  clients: [client],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  cookies: { keys: ["a key of the tests"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: !id.startsWith("unverified") }),
  }),
});
answer = provider.callback();
console.log(issuer);
