#!/usr/bin/env bash
# Asks a running service everything that openapi.yaml allows and much that it does not, with schemathesis from PyPI: each
# call by itself and calls in a row that use each other's answers. All its checks are on: no 5xx, no answer that is not
# described, no bad input that is taken, no good input that is refused.
#
#   tests/schemathesis.sh [--long] [--seed N]
#
# --long asks ten times more and more, with a seed by chance, which is printed. Needs python3 with venv, curl and the
# registry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

examples=12 seed=1
while (($#)); do
    case $1 in
        --long) examples=200 seed=$RANDOM ;;
        --seed) seed=$2; shift ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 2 ;;
    esac
    shift
done

version=4.32.5
tool="${XDG_CACHE_HOME:-$HOME/.cache}/attachlink/schemathesis-$version"
if ! "$tool/bin/schemathesis" --version >/dev/null 2>&1; then
    rm -rf "$tool"
    python3 -m venv "$tool"
    "$tool/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

cargo build --locked --quiet
work=$(mktemp -d)
service=
# shellcheck disable=SC2329 # called by the trap
ended() {
    local status=$?
    [[ -z $service ]] || { kill "$service" && wait "$service" || true; }
    if ((status)) && [[ -s $work/log ]]; then grep -v '"level":"INFO"' "$work/log" | tail -20 >&2 || true; fi
    rm -rf "$work"
    exit "$status"
}
trap ended EXIT
env ATTACHLINK_DATA_DIR="$work/data" ATTACHLINK_LOG_FORMAT=json ATTACHLINK_MAX_UPLOAD_OCTETS=1000000 \
    ATTACHLINK_{PUBLIC,API,OPS}_LISTEN=127.0.0.1:0 \
    target/debug/attachlink serve >"$work/log" 2>&1 &
service=$!
address() { # address LISTENER: where it listens, once it does
    local found=
    for _ in {1..300}; do
        found=$(sed -n "/\"message\":\"listening\"/s/.*\"listener\":\"$1\".*\"address\":\"\([^\"]*\)\".*/\1/p" "$work/log")
        [[ -z $found ]] && found=$(sed -n "/\"message\":\"listening\"/s/.*\"address\":\"\([^\"]*\)\".*\"listener\":\"$1\".*/\1/p" "$work/log")
        [[ -n $found ]] && { echo "$found"; return; }
        sleep 0.1
    done
    echo "the service does not listen" >&2
    return 1
}
api=$(address api) public=$(address public) ops=$(address ops)
key=$(<"$work/data/first-api-key")

# What the examples of the description name.
call() { curl -sS --fail-with-body -o /dev/null -H "Authorization: Bearer $key" "$@"; }
mkdir -p "$work/data/objects/acme/2026"
cp assets/demo/photo.jpg "$work/data/objects/acme/2026/screen.png"
call -X PUT "http://$api/v1/sites/acme" --json '{"plan": "standard", "safe_notifications": false,
    "portal_url": "https://help.acme.example/portal/{project}/{request}", "object_prefix": "acme/"}'
call -X PUT "http://$api/v1/sites/acme/projects/SUP/attachment-security" --json '{"mode": "secured_link"}'
for attachment in a1 a2; do
    call -T assets/demo/photo.jpg -H 'Content-Type: image/jpeg' \
        "http://$api/v1/sites/acme/projects/SUP/comments/10017/attachments/$attachment/content?filename=screen.jpg"
done
call -X PUT "http://$api/v1/sites/acme/projects/SUP/requests/SUP-42" --json '{"reporter": "ana@customer.example",
    "channel": "portal"}'

config=$PWD/tests/schemathesis.toml
ask() { # ask WHAT ADDRESS OPTION…
    echo "== schemathesis: $1"
    (cd "$work" && "$tool/bin/schemathesis" --config-file "$config" run "http://$api/openapi.json" --url "http://$2" \
        --max-examples "$examples" --seed "$seed" --continue-on-failure --no-color "${@:3}")
}
status=0
ask "the API, seed $seed" "$api" -H "Authorization: Bearer $key" --exclude-tag public --exclude-tag ops || status=1
ask "the public listener, seed $seed" "$public" --include-tag public || status=1
ask "the operators' listener, seed $seed" "$ops" --include-tag ops || status=1
curl -sS --fail-with-body -o /dev/null "http://$ops/readyz"
if grep -i 'panicked' "$work/log"; then status=1; fi
exit "$status"
