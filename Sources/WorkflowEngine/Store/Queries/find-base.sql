SELECT base FROM bases WHERE tenant = $1 AND system = $2 AND repository = $3
