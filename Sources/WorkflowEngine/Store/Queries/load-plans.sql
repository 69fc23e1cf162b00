SELECT document FROM plans WHERE tenant = $1 AND id = $2
