SELECT id, tenant, plan, origin, maker, seal, parameters, run FROM history WHERE id = $1::uuid
