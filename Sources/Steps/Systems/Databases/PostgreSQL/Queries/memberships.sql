SELECT pg_get_userbyid(roleid) AS role, pg_get_userbyid(member) AS member, bool_or(admin_option) AS admin
  FROM pg_auth_members
 GROUP BY roleid, member
