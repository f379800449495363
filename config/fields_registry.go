package config

var registryFields = []field[Registry]{
	{Setting{Section: "registry", Key: "cluster", Kind: KindText, Required: true, Reloadable: true,
		Doc: "The cluster on which tenants are listed: its login reads them."},
		func(r *Registry) any { return &r.Cluster }},
	{Setting{Section: "registry", Key: "query", Kind: KindText, Default: `"SELECT * FROM tenantpool.tenants"`, Reloadable: true,
		Doc: "Gives a row for each tenant; columns count by their names (docs/registry.md). Names in it need their schemas."},
		func(r *Registry) any { return &r.Query }},
	{Setting{Section: "registry", Key: "channel", Kind: KindText, Default: `"tenantpool_tenants"`, Reloadable: true,
		Doc: "The channel of NOTIFY that tells of changes, with the name of the tenant or nothing as payload; empty is none."},
		func(r *Registry) any { return &r.Channel }},
	{Setting{Section: "registry", Key: "interval", Kind: KindDuration, Default: `"30s"`, Reloadable: true,
		Doc: "How often everything is read again, whatever was notified."},
		func(r *Registry) any { return &r.Interval }},
}
