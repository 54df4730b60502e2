# A database server outside of the directory that is reset. The tables are in postgres-read-only.reset.sh.
mkdir private
echo "s3cr3t" > private/key.txt
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -1)")
"$bin/initdb" --pgdata /tmp/postgres --username postgres --auth trust --no-sync
"$bin/pg_ctl" --pgdata /tmp/postgres --log /tmp/postgres.log --wait start \
    --options "-c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp -c fsync=off"
