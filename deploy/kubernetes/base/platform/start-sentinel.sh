#!/bin/sh
# A Sentinel beside each Redis; begins with the master that the others name.
set -eu
umask 077
password=$(cat /etc/rwp/redis/password)
master=
for peer in 0 1 2; do
  master=$(REDISCLI_AUTH=$password timeout 2 redis-cli -h "redis-$peer.redis" -p 26379 \
    sentinel get-master-addr-by-name rwp 2>/dev/null | head -n 1) || master=
  [ -z "$master" ] || break
done
[ -n "$master" ] || master=redis-0.redis
{
  echo "port 26379"
  echo "bind * -::*"
  echo "dir /tmp"
  echo "requirepass $password"
  echo "sentinel sentinel-pass $password"
  echo "sentinel resolve-hostnames yes"
  echo "sentinel announce-hostnames yes"
  echo "sentinel announce-ip $HOSTNAME.redis"
  echo "sentinel monitor rwp $master 6379 2"
  echo "sentinel auth-pass rwp $password"
  echo "sentinel down-after-milliseconds rwp 5000"
  echo "sentinel failover-timeout rwp 20000"
  echo "sentinel parallel-syncs rwp 1"
} >/tmp/sentinel.conf
exec redis-server /tmp/sentinel.conf --sentinel
