-- The sweep takes expired holds organization by organization, so that many of one keep none of another waiting.
CREATE INDEX call_open_of_org ON call (org_id, expires_at, request_id) WHERE state = 'OPEN';
DROP INDEX call_open;
