#!/bin/sh
# Runs once, on the first primary: the roles, the database, the stanza of the backups.
set -eu
# Read from the environment within psql: arguments are seen by all.
psql -v ON_ERROR_STOP=1 "$1" <<'SQL'
\getenv owner RWP_OWNER_PASSWORD
\getenv app RWP_APP_PASSWORD
\getenv monitor RWP_MONITOR_PASSWORD
CREATE ROLE rwp_owner LOGIN PASSWORD :'owner';
CREATE ROLE rwp_app LOGIN PASSWORD :'app';
CREATE ROLE rwp_monitor LOGIN PASSWORD :'monitor' IN ROLE pg_monitor;
CREATE DATABASE rwp OWNER rwp_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE rwp FROM PUBLIC;
GRANT CONNECT ON DATABASE rwp TO rwp_app, rwp_monitor;
\connect rwp
-- What the owner's migrations make there is the pods' to use.
ALTER DEFAULT PRIVILEGES FOR ROLE rwp_owner GRANT USAGE ON SCHEMAS TO rwp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE rwp_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rwp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE rwp_owner GRANT USAGE ON SEQUENCES TO rwp_app;
SQL
pgbackrest --config=/etc/rwp/files/pgbackrest.conf --stanza=main stanza-create
