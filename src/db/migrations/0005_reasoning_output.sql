-- The reasoning part of the output of a call, which may have a price of its own. 0 where it is not known, and of
-- all calls of before.
ALTER TABLE usage ADD COLUMN reasoning_output bigint NOT NULL DEFAULT 0;
