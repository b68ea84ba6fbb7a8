#!/usr/bin/env bash
# Builds the images without a registry: a Debian 12 by debootstrap is their base.
#   build.sh [--programs DIR] [TARGET]…
#     TARGET…         api worker ai-processor analytics ctl postgres etcd redis postgres-exporter backup; all
#     --programs DIR  takes the programs from there, built on a Debian 12, in place of compiling them
#     RWP_VERSION     their tag; 0.1.0
#     DEBIAN_MIRROR, DEBIAN_SECURITY_MIRROR   http://deb.debian.org/debian, …/debian-security
#     BUILDAH_ISOLATION   how commands of the build are kept apart; chroot, which needs no runtime
# Needs Debian's buildah and debootstrap, and root (or user namespaces for buildah).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=${RWP_VERSION:-0.1.0}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
security=${DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
base=localhost/rwp-base:bookworm
all=(api worker ai-processor analytics ctl postgres etcd redis postgres-exporter backup)

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

programs=
if [[ "${1:-}" == --programs ]]; then
  [[ $# -ge 2 ]] || fail "--programs needs a folder"
  programs=$(realpath "$2")
  shift 2
fi
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=("${all[@]}")
for target in "${targets[@]}"; do
  [[ " ${all[*]} " == *" $target "* ]] || fail "no target '$target'; there are: ${all[*]}"
done
for tool in buildah debootstrap; do
  command -v "$tool" >/dev/null || fail "needs $tool"
done
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT

if ! buildah images "$base" >/dev/null 2>&1; then
  debootstrap --variant=minbase bookworm "$folder/base" "$mirror"
  printf 'deb %s bookworm main\ndeb %s bookworm-updates main\ndeb %s bookworm-security main\n' \
    "$mirror" "$mirror" "$security" >"$folder/base/etc/apt/sources.list"
  # Manuals, translations and lists of packages, now and of what is installed later; licences stay.
  printf 'path-exclude=/usr/share/%s\n' 'man/*' 'info/*' 'locale/*' 'doc/*' \
    >"$folder/base/etc/dpkg/dpkg.cfg.d/slim"
  echo 'path-include=/usr/share/doc/*/copyright' >>"$folder/base/etc/dpkg/dpkg.cfg.d/slim"
  rm -rf -- "$folder"/base/usr/share/{man,info,locale}/* "$folder"/base/var/lib/apt/lists/* \
    "$folder"/base/var/cache/apt/* "$folder"/base/var/log/*
  find "$folder/base/usr/share/doc" ! -type d ! -name copyright -delete
  container=$(buildah from scratch)
  buildah add -q "$container" "$folder/base" /
  buildah commit -q --rm "$container" "$base"
fi

options=()
if [[ -n "$programs" ]]; then
  # In the place of the stage `build`, which is then left out.
  mkdir -p "$folder/build/out"
  for program in api_pod worker_pod ai_pod analytics_pod rwpctl rwp-document-reader; do
    [[ -x "$programs/$program" ]] || fail "$programs has no $program"
    strip -o "$folder/build/out/$program" "$programs/$program"
  done
  options+=(--build-context "build=$folder/build")
fi
for target in "${targets[@]}"; do
  # Docker's format has health checks, OCI's has none.
  buildah bud --layers --format docker "${options[@]}" --build-arg BASE="$base" --target "$target" \
    -t "rwp/$target:$version" -f "$root/deploy/images/Containerfile" "$root"
done
