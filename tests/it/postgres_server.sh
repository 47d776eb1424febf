#!/bin/sh
# A throw-away PostgreSQL server: postgres_server.sh BIN DIR PORT LOCK LINGER [SETTING=VALUE…]
#
# Makes a cluster in DIR, runs it on 127.0.0.1:PORT, and says so in DIR/ready. Whoever uses it holds a shared lock on
# DIR/users, which the kernel gives back however the user ends. When nobody has held one for LINGER seconds, the server
# is stopped and DIR removed, under an exclusive lock on LOCK, which those who look for a running server take as well.
set -eu
bin=$1 dir=$2 port=$3 lock=$4 linger=$5
shift 5
cd "$dir"
exec </dev/null >>log 2>&1
: >users
[ -e "$lock" ] || : >"$lock"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=throw-away authority' \
    -keyout ca.key -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.pem
chmod 600 server.key ca.key

"$bin/initdb" --pgdata=data --username=postgres --encoding=UTF8 --locale=C --auth=trust --no-sync
cat >data/pg_hba.conf <<RULES
local all all trust
host all strict 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
RULES
cat >>data/postgresql.conf <<SETTINGS
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
max_connections = 300
ssl = on
ssl_cert_file = '$dir/server.pem'
ssl_key_file = '$dir/server.key'
log_line_prefix = '%m %p %d %u %c '
SETTINGS
for setting; do echo "$setting" >>data/postgresql.conf; done

"$bin/pg_ctl" --pgdata=data --log=server.log --wait start
trap '"$bin/pg_ctl" --pgdata=data --mode=immediate stop' EXIT
"$bin/psql" -h "$dir" -p "$port" -U postgres -d postgres -v ON_ERROR_STOP=1 -q \
    -c "CREATE ROLE attachlink LOGIN" -c "CREATE ROLE strict LOGIN PASSWORD 'throw-away'"
: >ready

unused=0
while [ "$unused" -lt "$linger" ]; do
    sleep 1
    if flock --exclusive --nonblock users true; then unused=$((unused + 1)); else unused=0; fi
    if [ "$unused" -ge "$linger" ]; then
        # Somebody may be taking it up at this moment.
        exec 9<"$lock"
        flock --exclusive 9
        flock --exclusive --nonblock users true || { unused=0; exec 9<&-; }
    fi
done
"$bin/pg_ctl" --pgdata=data --mode=immediate stop || true
trap - EXIT
cd /
rm -rf "$dir"
