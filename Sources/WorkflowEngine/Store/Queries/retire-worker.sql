UPDATE workers SET state = 'retired' WHERE id = $1
