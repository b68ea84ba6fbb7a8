#!/bin/sh
# A Redis of three: follows the master that the Sentinels name; where none answers, redis-0 begins.
set -eu
umask 077
password=$(cat /etc/rwp/redis/password)
me="$HOSTNAME.redis"
master=
for peer in 0 1 2; do
  master=$(REDISCLI_AUTH=$password timeout 2 redis-cli -h "redis-$peer.redis" -p 26379 \
    sentinel get-master-addr-by-name rwp 2>/dev/null | head -n 1) || master=
  [ -z "$master" ] || break
done
[ -n "$master" ] || master=redis-0.redis
{
  echo "port 6379"
  echo "bind * -::*"
  echo "dir /data"
  echo "requirepass $password"
  echo "masterauth $password"
  echo "appendonly yes"
  echo "appendfsync everysec"
  echo "maxmemory 1500mb"
  echo "maxmemory-policy noeviction"
  echo "replica-announce-ip $me"
  echo "min-replicas-to-write 1"
  echo "min-replicas-max-lag 10"
  [ "$master" = "$me" ] || echo "replicaof $master 6379"
} >/tmp/redis.conf
exec redis-server /tmp/redis.conf
