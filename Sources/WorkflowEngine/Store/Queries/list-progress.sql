SELECT p.step, p.state FROM progress p JOIN steps s ON s.job = p.job AND s.id = p.step WHERE p.job = $1::uuid AND p.token = s.token
