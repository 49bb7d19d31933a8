#!/bin/sh
# Runs once inside the new root file system, when the image is built: the operator's account,
# services installed but off, the database with its schema, random passwords.
set -eu
cd /opt/raceday-demo

version=$(ls /usr/lib/postgresql)
cluster=/etc/postgresql/$version/main
secrets=/etc/raceday-demo

random_password() { openssl rand -hex 16; }

operator_account() {
    useradd --create-home --shell /bin/bash raceday
    echo 'raceday ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/raceday
    chmod 0440 /etc/sudoers.d/raceday
    echo 'Set disable_coredump false' >/etc/sudo.conf # a container may not change that limit
    install -m 0644 image/sshd.conf /etc/ssh/sshd_config.d/raceday-demo.conf
    rm -f /etc/ssh/ssh_host_*_key*
    rm -f /etc/machine-id && touch /etc/machine-id
}

services() {
    for user in wagering ticketing kiosk-gateway settlement-bank; do
        useradd --system --no-create-home --shell /usr/sbin/nologin "$user"
    done
    install -m 0644 image/units/*.service /etc/systemd/system/
    install -D -m 0644 image/haproxy-unit.conf /etc/systemd/system/haproxy.service.d/container.conf
    python3 -m compileall -q servers
    systemctl disable haproxy redis-server postgresql
    systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
        e2scrub_all.timer e2scrub_reap.service fstrim.timer getty.target
    systemctl enable ssh raceday-demo-prepare
}

passwords() {
    install -d -m 0755 "$secrets"
    umask 077
    redis_password=$(random_password)
    replicator_password=$(random_password)
    wagering_password=$(random_password)
    ticketing_password=$(random_password)
    kiosk_gateway_password=$(random_password)
    service_settings wagering wagering "$wagering_password" 8081 4
    service_settings ticketing ticketing "$ticketing_password" 8082 3
    service_settings kiosk-gateway kiosk_gateway "$kiosk_gateway_password" 9000 2
    echo "db1:5432:replication:replicator:$replicator_password" >"$secrets/replicator.pgpass"
    cat >/etc/redis/users.acl <<ACL
user default on nopass ~raceday:* -@all +ping +info +time +dbsize +role +config|get +get +set +del
user demo on >$redis_password ~* &* +@all
ACL
    chown redis:redis /etc/redis/users.acl
    umask 022
}

# unit, database role, its password, port, seconds to warm up
service_settings() {
    cat >"$secrets/$1.env" <<SETTINGS
SERVICE=$1
LISTEN_PORT=$4
WARM_UP_SECONDS=$5
DATABASE_HOST=db1
DATABASE_NAME=demo
DATABASE_USER=$2
DATABASE_PASSWORD=$3
REDIS_HOST=cache1
REDIS_USER=demo
REDIS_PASSWORD=$redis_password
SETTINGS
}

redis() {
    install -o redis -g redis -m 0640 image/redis.conf /etc/redis/raceday-demo.conf
    echo 'include /etc/redis/raceday-demo.conf' >>/etc/redis/redis.conf
}

database() {
    pg_dropcluster "$version" main
    pg_createcluster --locale C.UTF-8 --start-conf manual "$version" main -- --data-checksums
    install -m 0644 image/postgresql.conf "$cluster/conf.d/raceday-demo.conf"
    install -o postgres -g postgres -m 0640 image/pg_hba.conf "$cluster/pg_hba.conf"
    pg_ctlcluster "$version" main start -- \
        -o "-c listen_addresses='' -c dynamic_shared_memory_type=mmap -c fsync=off"
    load_schema | su postgres -c 'psql --quiet --no-psqlrc --output=/dev/null'
    pg_ctlcluster "$version" main stop --mode fast
}

# The passwords go in on stdin: nothing secret is ever in an argument.
load_schema() {
    echo "\\set replicator_password $replicator_password"
    echo "\\set wagering_password $wagering_password"
    echo "\\set ticketing_password $ticketing_password"
    echo "\\set kiosk_gateway_password $kiosk_gateway_password"
    echo "\\set card \`cat /opt/raceday-demo/race_card.json\`"
    cat image/schema.sql
}

chown -R root:root /opt/raceday-demo
chmod -R go+rX /opt/raceday-demo
operator_account
services
passwords
redis
database
