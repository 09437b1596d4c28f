-- The rows of one user: a meter that counts one user's calls of some targets is filled from them when the user's
-- first such call comes, under the organization's lock.
CREATE INDEX usage_of_user ON usage (org_id, user_id, booked_at);
