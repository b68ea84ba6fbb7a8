#!/usr/bin/env bash
# The whole deployment as real processes on loopback: HAProxy, 3 API, 5 worker, 3 AI and 3 analytics pods,
# PostgreSQL with two streaming standbys under Patroni and etcd, Redis with Sentinel, an S3 server, Prometheus
# with our rules (all times by 60), Alertmanager, exporters, fakes of OpenAI, JobAdder and Google.
#   cluster.sh up       [--programs DIR] [--dir DIR] [--port N]    start it; --programs has the built pods
#                       [--with PID]                               and stop it when that process ends, however it does
#   cluster.sh status   [--once]                                   a live page
#   cluster.sh load     [--seconds N] [--rate N]                   jobs through HAProxy, checked at the end
#   cluster.sh chaos    [--seconds N] [--rate N]                   the same, while everything is restarted and killed
#   cluster.sh alerts   [--only NAME]...                           each alert, fired by its cause
#   cluster.sh check                                               each panel of the dashboard returns data
#   cluster.sh down                                                stop it, remove what it kept
# load and chaos end with a table; exit code 1 when a promise broke. chaos --short takes two minutes and judges what does not
# depend on how quick the machine is. With --prove it is tried at the end that a planted loss is told; with --spoil a job is lost and an event recorded
# twice on purpose, so that it is seen that the table finds both. --dir is /tmp/rwp-cluster by default.
# Needs what cmake/install-deps.sh --cluster installs.
exec /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/cluster.py" "$@"
