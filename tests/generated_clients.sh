#!/usr/bin/env bash
# Generates clients from openapi.yaml with two generators and uses them: openapi-python-client (PyPI) and
# openapi-typescript (npm). A warning about something that was left out is a failure. Needs python3, npm and both
# registries (or mirrors of them, set up for pip and npm).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
document="$root/openapi.yaml"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "== openapi-python-client"
python3 -m venv venv
# ruff: the generator formats with it.
venv/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1 ruff pyyaml openapi-spec-validator
PATH="$work/venv/bin:$PATH"
openapi-spec-validator "$document"
openapi-python-client generate --path "$document" --output-path python --meta none 2>&1 | tee python.log
if grep -Eiq 'warning|error|skipp|omitted|unsupported' python.log; then
    echo "openapi-python-client left something out" >&2
    exit 1
fi
pip install --quiet --disable-pip-version-check httpx attrs python-dateutil
python - "$document" <<'PYTHON'
"""Imports every generated module, and finds a function for every operation."""
import importlib, pkgutil, sys
import yaml

import python as client

names = {module.name.rsplit(".", 1)[-1]: module.name
         for module in pkgutil.walk_packages(client.__path__, "python.")}
for name in names.values():
    importlib.import_module(name)
with open(sys.argv[1], encoding="utf-8") as text:
    paths = yaml.safe_load(text)["paths"]
methods = ("get", "head", "put", "post", "delete")
wanted = [item[method]["operationId"] for item in paths.values() for method in methods if method in item]
missing = [name for name in wanted if not hasattr(sys.modules.get(names.get(name, "")), "sync_detailed")]
assert wanted and not missing, missing

# What a call sends, and what an answer becomes.
import httpx
from python.api.notifications import notify
from python.models import NotificationPost, Problem

def answer(request: httpx.Request) -> httpx.Response:
    assert request.url.path == "/v1/sites/acme/projects/SUP/comments/10017/notifications", request.url
    assert request.headers["authorization"] == "Bearer alk1_x"
    problem = {"type": "urn:attachlink:problem:comment_deleted", "title": "t", "status": 409, "detail": "d",
               "code": "comment_deleted"}
    return httpx.Response(409, json=problem, headers={"content-type": "application/problem+json"})

connection = client.AuthenticatedClient(base_url="http://127.0.0.1:8081", token="alk1_x",
                                        httpx_args={"transport": httpx.MockTransport(answer)})
body = NotificationPost(request="SUP-42", message_size=48211)
response = notify.sync_detailed("acme", "SUP", "10017", client=connection, body=body)
assert isinstance(response.parsed, Problem) and response.parsed.code == "comment_deleted", response
print(f"{len(wanted)} operations, all there")
PYTHON

echo "== openapi-typescript"
npm init --yes >/dev/null 2>&1
npm install --silent --no-audit --no-fund openapi-typescript@7 typescript@5 openapi-fetch@0.14
npx openapi-typescript "$document" --output api.ts 2>&1 | tee typescript.log
if grep -Eiq 'error|unsupported' typescript.log; then
    echo "openapi-typescript left something out" >&2
    exit 1
fi
cat >use.ts <<'TYPESCRIPT'
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./api";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8081" });
const path = { site: "acme", project: "SUP", comment: "10017" };

export async function images(): Promise<components["schemas"]["Images"] | undefined> {
  const { data, error } = await client.POST("/v1/sites/{site}/projects/{project}/comments/{comment}/notifications", {
    params: { path },
    body: { request: "SUP-42", message_size: 48211 },
  });
  if (error !== undefined) {
    const code: components["schemas"]["Problem"]["code"] = error.code;
    throw new Error(code);
  }
  return data.images;
}

export type Bytes = operations["read_attachment_content"]["responses"][200]["content"]["application/octet-stream"];
TYPESCRIPT
npx tsc --noEmit --strict --target es2022 --module nodenext --moduleResolution nodenext --lib es2022,dom api.ts use.ts
echo "both clients are whole"
