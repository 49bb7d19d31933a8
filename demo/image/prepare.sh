#!/bin/sh
# Runs once on each host, at its first boot and before sshd: the host's own keys, and the
# configuration and secrets of its kind, which is all that tells one host from another.
# /opt/raceday-demo/host is mounted read-only by the demo when it creates the host.
set -eu

given=/opt/raceday-demo/host
settings=/etc/raceday-demo
kind=$(cat "$given/kind")

ssh_access() {
    install -m 0600 "$given/ssh_host_ed25519_key" /etc/ssh/ssh_host_ed25519_key
    install -d -o raceday -g raceday -m 0700 /home/raceday/.ssh
    install -o raceday -g raceday -m 0600 "$given/authorized_keys" /home/raceday/.ssh/authorized_keys
}

# Each host keeps only its own service's secrets.
forget_other_secrets() {
    for file in "$settings"/*.env "$settings"/replicator.pgpass; do
        [ "$file" = "$settings/$1" ] || rm -f "$file"
    done
    [ "$1" = redis ] || rm -f /etc/redis/users.acl
}

# So that root here can `psql service=demo` as the service's own role.
database_access() {
    (
        umask 077
        . "$settings/$1.env"
        echo "$DATABASE_HOST:5432:$DATABASE_NAME:$DATABASE_USER:$DATABASE_PASSWORD" >/root/.pgpass
        printf '[demo]\nhost=%s\ndbname=%s\nuser=%s\nconnect_timeout=3\n' \
            "$DATABASE_HOST" "$DATABASE_NAME" "$DATABASE_USER" >/root/.pg_service.conf
    )
}

standby() {
    version=$(ls /usr/lib/postgresql)
    data=/var/lib/postgresql/$version/main
    install -o postgres -g postgres -m 0600 "$settings/replicator.pgpass" \
        /var/lib/postgresql/replicator.pgpass
    install -o postgres -g postgres -m 0600 /dev/null "$data/standby.signal"
    cat >"/etc/postgresql/$version/main/conf.d/standby.conf" <<STANDBY
primary_conninfo = 'host=db1 user=replicator passfile=/var/lib/postgresql/replicator.pgpass application_name=$(hostname) connect_timeout=3'
STANDBY
}

ssh_access
case $kind in
    wagering | ticketing | kiosk-gateway)
        forget_other_secrets "$kind.env"
        database_access "$kind"
        ;;
    database-standby)
        forget_other_secrets replicator.pgpass
        standby
        ;;
    cache)
        forget_other_secrets redis
        ;;
    load-balancer)
        forget_other_secrets nothing
        install -m 0644 "$given/haproxy.cfg" /etc/haproxy/haproxy.cfg
        ;;
    partner)
        forget_other_secrets nothing
        systemctl enable settlement-bank
        systemctl start --no-block settlement-bank
        ;;
    database-primary | plain)
        forget_other_secrets nothing
        ;;
    *)
        echo "unknown kind of host: $kind" >&2
        exit 1
        ;;
esac
touch "$settings/prepared"
