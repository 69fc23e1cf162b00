SELECT id, tenant, plan, origin, parameters, run FROM history WHERE id = $1::uuid
