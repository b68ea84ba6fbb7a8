#!/usr/bin/env bash
# A Ceph object gateway of a test's own: one monitor, one store in memory, one gateway, on loopback.
#   radosgw.sh DIRECTORY MON_PORT MON1_PORT PORT TLS_PORT
# Prints "ready" once it answers, and ends, with all that it started, when its input does.
set -euo pipefail
dir=$1 mon2=$2 mon1=$3 port=$4 tls=$5
mkdir -p "$dir"/{mon,osd,run}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -addext 'subjectAltName=DNS:localhost,DNS:*.s3.localhost,IP:127.0.0.1' \
  -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>/dev/null
# A proposal waits a second for others by default, and starting makes a dozen.
cat >"$dir/ceph.conf" <<CONF
[global]
fsid = 5b3ff0a2-8c4f-4a3c-9d2e-6f1f6f0f4a11
mon host = [v2:127.0.0.1:$mon2,v1:127.0.0.1:$mon1]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms bind ipv6 = false
paxos propose interval = 0.02
paxos min wait = 0.01
run dir = $dir/run
admin socket = $dir/run/\$name.asok
log file = $dir/\$name.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 1
mon data avail warn = 2
mon max pg per osd = 1000
[mon.a]
mon data = $dir/mon
[osd.0]
osd objectstore = memstore
memstore device bytes = 12884901888
osd data = $dir/osd
osd class load list = *
osd class default list = *
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$tls ssl_certificate=$dir/tls.crt ssl_private_key=$dir/tls.key
rgw dns name = s3.localhost
rgw crypt require ssl = false
rgw thread pool size = 64
CONF
conf=(-c "$dir/ceph.conf")
# Goes when this script does, however it ends.
start() { setpriv --pdeathsig KILL "$@" >>"$dir/out" 2>&1 & }

monmaptool --create --fsid 5b3ff0a2-8c4f-4a3c-9d2e-6f1f6f0f4a11 \
  --addv a "[v2:127.0.0.1:$mon2,v1:127.0.0.1:$mon1]" "$dir/monmap" >/dev/null
touch "$dir/empty.keyring"
ceph-mon "${conf[@]}" -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/empty.keyring"
start ceph-mon "${conf[@]}" -i a -f
osd=5b3ff0a2-8c4f-4a3c-9d2e-6f1f6f0f4a12
timeout 60 ceph "${conf[@]}" osd new "$osd" 0 >/dev/null
ceph-osd "${conf[@]}" -i 0 --mkfs --osd-uuid "$osd" >>"$dir/out" 2>&1
start ceph-osd "${conf[@]}" -i 0 -f
timeout 60 ceph "${conf[@]}" osd crush add osd.0 1.0 root=default host=localhost >/dev/null 2>&1
timeout 60 radosgw-admin "${conf[@]}" -n client.admin user create --uid=test --display-name=test \
  --access-key=testaccess --secret-key=testsecret123456 >/dev/null 2>>"$dir/out"
start radosgw "${conf[@]}" -n client.rgw.a -f
timeout 60 bash -c "until curl -sf -o /dev/null http://127.0.0.1:$port/; do sleep 0.05; done"
s3cmd -q -c /dev/null --access_key=testaccess --secret_key=testsecret123456 --no-ssl \
  --host="127.0.0.1:$port" --host-bucket="127.0.0.1:$port" mb s3://objects >/dev/null
echo ready
cat >/dev/null
kill -9 $(jobs -p)
