-- A platform administrator acts for every organization. One that was confined to some is an administrator of those.
UPDATE access_secret SET role = 'org_admin' WHERE role = 'platform_admin' AND org_ids IS NOT NULL;
ALTER TABLE access_secret ADD CONSTRAINT access_secret_platform_admin
  CHECK (role <> 'platform_admin' OR org_ids IS NULL);
