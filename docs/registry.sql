-- A table of tenants that tenantpool reads: see docs/registry.md. Run it in the database of the cluster that [registry]
-- names, as a role that is not one of the tenants'. Only the columns name and state are needed; leave out what you do not use.

CREATE SCHEMA IF NOT EXISTS tenantpool;

CREATE TABLE tenantpool.tenants (
    name            text PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 63 AND name !~ '^pg_'),
    schema          text CHECK (octet_length(schema) BETWEEN 1 AND 63 AND schema !~ '^pg_'), -- NULL: that of its name
    cluster         text,                          -- NULL: where its route says
    role            text,                          -- at isolation = 'role'
    login           text,                          -- at isolation = 'dedicated'
    password        text,                          -- of that login; better in login_secrets_file of the cluster
    isolation       text CHECK (isolation IN ('shared', 'role', 'dedicated')),
    state           text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'suspended')),
    reason          text,                          -- of a suspension: its clients are told
    users           text[],                        -- narrows the users of its route
    match_databases text[],                        -- names of databases that mean it
    match_users     text[],                        -- names of users that mean it
    settings        jsonb CHECK (jsonb_typeof(settings) = 'object'),
    -- Limits, as in docs/limits.md; NULL: what its route says. Durations are texts like '10s'.
    max_clients     int CHECK (max_clients >= 0),
    max_servers     int CHECK (max_servers >= 0),
    max_waiting     int CHECK (max_waiting >= 0),
    max_prepared    int CHECK (max_prepared >= 0),
    weight          int CHECK (weight BETWEEN 1 AND 1000),
    max_qps         int CHECK (max_qps >= 0),
    max_qps_burst   int CHECK (max_qps_burst >= 0),
    max_bps         bigint CHECK (max_bps >= 0),
    max_bps_burst   bigint CHECK (max_bps_burst >= 0),
    query_wait_timeout       text,
    query_timeout            text,
    transaction_timeout      text,
    idle_transaction_timeout text,
    client_idle_timeout      text
);

-- Two tenants in one schema are a mistake, save where a setting tells their rows apart: then drop this index.
CREATE UNIQUE INDEX tenants_home ON tenantpool.tenants (coalesce(cluster, ''), coalesce(schema, name));

-- Every change is told at once, by the name of its tenant. TRUNCATE has all of them read again.
CREATE FUNCTION tenantpool.notify_tenants() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('tenantpool_tenants', '');
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('tenantpool_tenants', OLD.name);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('tenantpool_tenants', NEW.name);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tenantpool.tenants
    FOR EACH ROW EXECUTE FUNCTION tenantpool.notify_tenants();
CREATE TRIGGER emptied AFTER TRUNCATE ON tenantpool.tenants
    FOR EACH STATEMENT EXECUTE FUNCTION tenantpool.notify_tenants();

-- Let the cluster's login read it, and nobody else: whoever can write here decides what is a tenant, and where.
-- GRANT USAGE ON SCHEMA tenantpool TO app;
-- GRANT SELECT ON tenantpool.tenants TO app;
