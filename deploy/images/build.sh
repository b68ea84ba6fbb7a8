#!/usr/bin/env bash
# Builds the images without a registry: a Debian 12 by debootstrap is their base.
#   build.sh [TARGET]…      api worker ai-processor analytics ctl postgres etcd redis postgres-exporter backup
#     RWP_VERSION           their tag; 0.1.0
#     DEBIAN_MIRROR         http://deb.debian.org/debian
# Needs Debian's buildah and debootstrap, and root (or user namespaces for buildah).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=${RWP_VERSION:-0.1.0}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] ||
  targets=(api worker ai-processor analytics ctl postgres etcd redis postgres-exporter backup)
for tool in buildah debootstrap; do
  command -v "$tool" >/dev/null || { echo "build.sh: needs $tool" >&2; exit 1; }
done
if ! buildah images localhost/rwp-base:bookworm >/dev/null 2>&1; then
  folder=$(mktemp -d)
  trap 'rm -rf -- "$folder"' EXIT
  debootstrap --variant=minbase bookworm "$folder/base" "$mirror"
  container=$(buildah from scratch)
  buildah add -q "$container" "$folder/base" /
  buildah commit -q --rm "$container" localhost/rwp-base:bookworm
fi
for target in "${targets[@]}"; do
  buildah bud --layers --build-arg BASE=localhost/rwp-base:bookworm --target "$target" \
    -t "rwp/$target:$version" -f "$root/deploy/images/Containerfile" "$root"
done
